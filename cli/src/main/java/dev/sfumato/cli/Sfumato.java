package dev.sfumato.cli;

import dev.sfumato.SfumatoException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
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
    footer = {
      "%nExamples:",
      "  sfumato quickstart",
      "  sfumato help sample",
      "  sfumato sample --model models/mnist --class 7 --out sevens.png"
    },
    subcommands = {
      QuickstartCommand.class,
      TrainCommand.class,
      FinetuneCommand.class,
      LaunchCommand.class,
      SampleCommand.class,
      ClipCommand.class,
      EvaluateCommand.class,
      InspectCommand.class,
      VersionCommand.class,
      CompletionCommand.class,
      HelpCommand.class,
    })
public final class Sfumato implements Runnable {
  private static final int FAILED = 1;
  private static final int CALLED_WRONGLY = 2;

  @Option(
      names = "--verbose",
      scope = ScopeType.INHERIT,
      description = "Add the stack trace to an error.")
  boolean verbose;

  /** Without a command, shows the commands. */
  @Override
  public void run() {
    CommandLine.usage(this, System.out);
  }

  /** Runs a command and ends the process with its exit status. */
  public static void main(String[] args) {
    Locale.setDefault(Locale.ROOT);
    Interruption.listen();
    Thread.setDefaultUncaughtExceptionHandler(Sfumato::threadError);
    Optional<String> lost = Failure.ofEncoding(List.of(args));
    lost.ifPresent(message -> System.err.println("error: " + message));
    System.exit(lost.isPresent() ? CALLED_WRONGLY : run(args));
  }

  /** Runs a command: 0 success, 1 the work failed, 2 the call was wrong. */
  public static int run(String... args) {
    Sfumato program = new Sfumato();
    CommandLine commands =
        new CommandLine(program)
            .setCaseInsensitiveEnumValuesAllowed(true)
            .setUsageHelpLongOptionsMaxWidth(40)
            .setUsageHelpAutoWidth(true)
            .setParameterExceptionHandler((e, a) -> callError(e, a, program.verbose))
            .setExecutionExceptionHandler((e, c, r) -> workError(e, program.verbose));
    commands.getSubcommands().get("launch").setStopAtPositional(true);
    try {
      SavedOptions saved = SavedOptions.of(args);
      commands.getSubcommands().get("train").setDefaultValueProvider(saved);
      commands.getSubcommands().get("finetune").setDefaultValueProvider(saved);
      int status = commands.execute(args);
      if (System.out.checkError() && status == 0) {
        throw new SfumatoException("standard output cannot be written: it is full or closed");
      }
      return status;
    } catch (RuntimeException | Error e) { // also what is no Exception: no memory, no library
      return workError(e, program.verbose);
    }
  }

  private static int callError(ParameterException e, String[] arguments, boolean verbose) {
    report(new SfumatoException(CallError.message(e, arguments), e), verbose);
    return CALLED_WRONGLY;
  }

  private static int workError(Throwable e, boolean verbose) {
    report(e, verbose);
    return FAILED;
  }

  /** A thread that dies takes the program with it; what has something to save saves it first. */
  private static void threadError(Thread thread, Throwable e) {
    report(e, false);
    System.exit(FAILED);
  }

  private static void report(Throwable e, boolean verbose) {
    System.err.println(Failure.line(e));
    if (verbose) {
      e.printStackTrace();
    }
  }
}
