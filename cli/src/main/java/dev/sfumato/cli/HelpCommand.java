package dev.sfumato.cli;

import java.util.List;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/** The command {@code help}. */
@Command(
    name = "help",
    mixinStandardHelpOptions = true,
    description = "Shows the help of the program or of a command.",
    footer = {"Example:", "  sfumato help sample"})
final class HelpCommand implements Runnable {
  @Parameters(
      paramLabel = "COMMAND",
      arity = "0..1",
      description = "The command (default: the program).")
  private Optional<String> command;

  @Spec private CommandSpec spec;

  @Override
  public void run() {
    CommandLine program = spec.root().commandLine();
    CommandLine shown = command.map(program.getSubcommands()::get).orElse(program);
    if (command.isPresent() && shown == program) {
      throw new UnmatchedArgumentException(program, List.of(command.get()));
    }
    shown.usage(System.out);
  }
}
