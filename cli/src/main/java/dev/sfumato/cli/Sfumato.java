package dev.sfumato.cli;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.SfumatoException;
import dev.sfumato.run.Training;
import java.nio.file.Path;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;

/** The program {@code sfumato}. */
@Command(
    name = "sfumato",
    description = "Trains, fine-tunes, steers and conditions image diffusion models.",
    mixinStandardHelpOptions = true,
    version = "sfumato 0.1.0",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      QuickstartCommand.class,
      TrainCommand.class,
      FinetuneCommand.class,
      LaunchCommand.class,
      SampleCommand.class,
      ClipCommand.class,
      EvaluateCommand.class,
      InspectCommand.class,
    })
public final class Sfumato {
  private static final int FAILED = 1;
  private static final int CALLED_WRONGLY = 2;

  @Option(
      names = "--verbose",
      scope = ScopeType.INHERIT,
      description = "Add the stack trace to an error.")
  boolean verbose;

  /** Runs a command and ends the process with its exit status. */
  public static void main(String[] args) {
    Interruption.listen();
    System.exit(run(args));
  }

  /** Runs a command: 0 success, 1 the work failed, 2 the call was wrong. */
  public static int run(String... args) {
    Sfumato program = new Sfumato();
    CommandLine commands =
        new CommandLine(program)
            .setCaseInsensitiveEnumValuesAllowed(true)
            .setUsageHelpLongOptionsMaxWidth(40)
            .setParameterExceptionHandler((e, a) -> callError(e, program.verbose))
            .setExecutionExceptionHandler((e, called, r) -> workError(e, called, program.verbose));
    commands.getSubcommands().get("launch").setStopAtPositional(true);
    try {
      Path none = Path.of("");
      commands
          .getSubcommands()
          .get("train")
          .setDefaultValueProvider(SavedOptions.of(args, Training.fromScratch("", none)));
      commands
          .getSubcommands()
          .get("finetune")
          .setDefaultValueProvider(SavedOptions.of(args, Training.fineTuning("", "", none)));
    } catch (SfumatoException e) {
      return workError(e, commands, program.verbose);
    }
    return commands.execute(args);
  }

  private static int callError(ParameterException e, boolean verbose) {
    return wrongCall(e.getCommandLine(), e, verbose);
  }

  private static int wrongCall(CommandLine called, Exception e, boolean verbose) {
    String command = called.getCommandSpec().qualifiedName();
    CommandLine program = called.getCommandSpec().root().commandLine();
    String message = OptionNames.inFlags(program, e.getMessage());
    report(message + " (see " + command + " --help)", e, verbose);
    return CALLED_WRONGLY;
  }

  private static int workError(Exception e, CommandLine called, boolean verbose) {
    if (e instanceof InvalidOptionException) {
      return wrongCall(called, e, verbose);
    }
    boolean ours = e instanceof SfumatoException;
    CommandLine program = called.getCommandSpec().root().commandLine();
    String message =
        ours
            ? OptionNames.inFlags(program, e.getMessage())
            : "unexpected " + e + "; --verbose says where";
    report(message, e, verbose);
    return FAILED;
  }

  private static void report(String message, Exception e, boolean verbose) {
    System.err.println("error: " + message.strip().replaceAll("\\s*\\R\\s*", " "));
    if (verbose) {
      e.printStackTrace();
    }
  }
}
