package dev.sfumato.cli;

import java.util.Locale;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import picocli.CommandLine;

/**
 * Translates the library's names, such as {@code `batchSize`}, into options, such as {@code
 * --batch-size}.
 */
final class OptionNames {
  private static final Pattern PROPERTY = Pattern.compile("`([a-z][A-Za-z0-9]*)`");

  private OptionNames() {}

  /** Returns a message of the library with the names of the command line. */
  static String inFlags(CommandLine program, String message) {
    return PROPERTY.matcher(message).replaceAll(found -> flag(program, found));
  }

  private static String flag(CommandLine program, MatchResult property) {
    String flag = "--" + property.group(1).replaceAll("([A-Z])", "-$1").toLowerCase(Locale.ROOT);
    boolean known =
        program.getSubcommands().values().stream()
            .anyMatch(command -> command.getCommandSpec().findOption(flag) != null);
    return known ? flag : property.group();
  }
}
