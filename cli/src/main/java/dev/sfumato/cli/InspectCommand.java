package dev.sfumato.cli;

import dev.sfumato.pipeline.Inspection;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code sfumato inspect}. */
@Command(
    name = "inspect",
    mixinStandardHelpOptions = true,
    description = "Shows what a model directory or a tensor file holds.")
final class InspectCommand implements Callable<Integer> {
  @Parameters(paramLabel = "DIR|FILE", description = "A model directory or a tensor file.")
  Path path;

  @Override
  public Integer call() {
    System.out.print(Inspection.of(path));
    return 0;
  }
}
