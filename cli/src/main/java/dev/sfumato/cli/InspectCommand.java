package dev.sfumato.cli;

import dev.sfumato.pipeline.Inspection;
import dev.sfumato.tensor.Machine;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code sfumato inspect}. */
@Command(
    name = "inspect",
    mixinStandardHelpOptions = true,
    footer = {"Examples:", "  sfumato inspect models/mnist", "  sfumato inspect --system"},
    description = "Shows the content of a model directory or a tensor file, or this machine.")
final class InspectCommand implements Callable<Integer> {
  @ArgGroup(multiplicity = "1")
  Subject subject;

  /** The model or file to show, or this machine. */
  static final class Subject {
    @Parameters(
        paramLabel = "DIR|FILE|ID",
        description =
            "A model directory, a tensor file, or a model of the Hub: org/name[@revision].")
    String model;

    @Option(
        names = "--system",
        description =
            "Show this machine: processor, memory, engine, cards, the versions of CUDA, cuDNN and"
                + " the driver that the engine wants and that it finds, and what is missing.")
    boolean system;
  }

  @Override
  public Integer call() {
    if (subject.system) {
      Machine.describe()
          .forEach((name, fact) -> System.out.printf(Locale.ROOT, "%-10s %s%n", name, fact));
    } else {
      System.out.print(Inspection.of(Downloads.pipeline(subject.model)));
    }
    return 0;
  }
}
