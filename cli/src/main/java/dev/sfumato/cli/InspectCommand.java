package dev.sfumato.cli;

import dev.sfumato.pipeline.Inspection;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code sfumato inspect}. */
@Command(
    name = "inspect",
    mixinStandardHelpOptions = true,
    footer = {"Examples:", "  sfumato inspect models/mnist"},
    description = "Shows the content of a model directory or a tensor file.")
final class InspectCommand implements Callable<Integer> {
  @Parameters(
      paramLabel = "DIR|FILE|ID",
      description = "A model directory, a tensor file, or a model of the Hub: org/name[@revision].")
  String model;

  @Override
  public Integer call() {
    System.out.print(Inspection.of(Downloads.pipeline(model)));
    return 0;
  }
}
