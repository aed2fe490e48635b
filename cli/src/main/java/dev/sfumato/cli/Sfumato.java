package dev.sfumato.cli;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.SfumatoException;
import dev.sfumato.run.Training;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.RunLast;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The program {@code sfumato}. */
@Command(
    name = "sfumato",
    description = "Trains, fine-tunes, steers and conditions image diffusion models.",
    mixinStandardHelpOptions = true,
    version = "sfumato 0.1.0",
    footer = {
      "Examples:",
      "  sfumato quickstart",
      "  sfumato help sample",
      "  sfumato sample --model models/mnist --class 7 --out sevens.png"
    })
public final class Sfumato implements Runnable {
  private static final int FAILED = 1;
  private static final int CALLED_WRONGLY = 2;
  private static final int UNREAD = 128 + 13; // as after SIGPIPE

  private static final List<Class<?>> COMMANDS =
      List.of(
          QuickstartCommand.class,
          TrainCommand.class,
          FinetuneCommand.class,
          LaunchCommand.class,
          SampleCommand.class,
          ClipCommand.class,
          EvaluateCommand.class,
          InspectCommand.class,
          ConvertCommand.class,
          StudioCommand.class,
          VersionCommand.class,
          CompletionCommand.class,
          HelpCommand.class);

  /** Commands that describe the others. */
  private static final Set<Class<?>> ABOUT_ALL = Set.of(CompletionCommand.class, HelpCommand.class);

  @Option(
      names = "--verbose",
      scope = ScopeType.INHERIT,
      description = "Add the stack trace to an error.")
  boolean verbose;

  @Spec CommandSpec spec;

  /** Without a command, shows the commands. */
  @Override
  public void run() {
    spec.commandLine().usage(System.out);
  }

  /** Runs a command and ends the process with its exit status. */
  public static void main(String[] args) {
    Locale.setDefault(Locale.ROOT);
    StandardOutput.watch();
    Interruption.listen();
    Thread.setDefaultUncaughtExceptionHandler(Sfumato::threadError);
    Optional<String> lost = Failure.ofEncoding(List.of(args));
    lost.ifPresent(message -> System.err.println("error: " + message));
    System.exit(lost.isPresent() ? CALLED_WRONGLY : run(args));
  }

  /** Runs a command: 0 success, 1 the work failed, 2 the call was wrong. */
  public static int run(String... args) {
    CommandLine commands = commands(args);
    Sfumato program = commands.getCommand();
    try {
      setDefaults(commands, args);
      int status = commands.execute(args);
      if (System.out.checkError() && status == 0) {
        if (StandardOutput.isUnread()) {
          return UNREAD;
        }
        throw new SfumatoException("standard output cannot be written: it is full or closed");
      }
      return status;
    } catch (RuntimeException | Error e) { // including errors: no memory, no library
      return workError(e, commands, program.verbose);
    }
  }

  /** Returns the program with the commands that the call may need: without words, all. */
  static CommandLine commands(String... args) {
    Sfumato program = new Sfumato();
    CommandLine commands = new CommandLine(program);
    called(args).forEach(commands::addSubcommand);
    commands
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setUsageHelpAutoWidth(true)
        .setExecutionStrategy(Sfumato::execute)
        .setParameterExceptionHandler(
            (e, a) -> wrongCall(e.getCommandLine(), CallError.message(e, a), e, program.verbose))
        .setExecutionExceptionHandler((e, called, r) -> workError(e, called, program.verbose));
    HelpPage.design(commands);
    Optional.ofNullable(commands.getSubcommands().get("launch"))
        .ifPresent(launch -> launch.setStopAtPositional(true));
    return commands;
  }

  /**
   * Returns the called command, or all if the call names none or asks about them: the options of
   * each take time to read.
   */
  private static List<Class<?>> called(String[] args) {
    List<Class<?>> called =
        COMMANDS.stream()
            .filter(command -> args.length > 0 && name(command).equals(args[0]))
            .toList();
    return called.isEmpty() || ABOUT_ALL.containsAll(called) ? COMMANDS : called;
  }

  private static String name(Class<?> command) {
    return command.getAnnotation(Command.class).name();
  }

  /** Gives the options of training the library's defaults, or those of the resumed run. */
  private static void setDefaults(CommandLine program, String[] args) {
    Map<String, Supplier<Training>> trainings =
        Map.of(
            "train", () -> Training.fromScratch("", Path.of("")),
            "finetune", () -> Training.fineTuning("", "", Path.of("")));
    trainings.forEach(
        (name, training) -> {
          CommandLine command = program.getSubcommands().get(name);
          if (command != null && List.of(args).contains(name)) {
            command.setDefaultValueProvider(SavedOptions.of(args, training.get()));
          }
        });
  }

  private static int execute(ParseResult call) {
    call.asCommandLineList().forEach(EmptyNames::refuse);
    return new RunLast().execute(call);
  }

  private static String inFlags(CommandLine called, String message) {
    return OptionNames.inFlags(called.getCommandSpec().root().commandLine(), message);
  }

  private static int wrongCall(CommandLine called, String message, Exception e, boolean verbose) {
    String help = " (see " + called.getCommandSpec().qualifiedName() + " --help)";
    report(new SfumatoException(inFlags(called, message) + help, e), verbose);
    return CALLED_WRONGLY;
  }

  private static int workError(Throwable e, CommandLine called, boolean verbose) {
    if (e instanceof InvalidOptionException wrong) {
      return wrongCall(called, wrong.getMessage(), wrong, verbose);
    }
    report(
        e instanceof SfumatoException
            ? new SfumatoException(inFlags(called, e.getMessage()), e)
            : e,
        verbose);
    return FAILED;
  }

  /** Ends the program when a thread dies, after work that must save has saved. */
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
