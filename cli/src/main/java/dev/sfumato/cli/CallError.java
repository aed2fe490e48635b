package dev.sfumato.cli;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** The error message for a wrong call. */
final class CallError {
  /** The parser lists the constants of an enumeration by their names in Java. */
  private static final Pattern CHOICE =
      Pattern.compile("expected one of \\[([^]]*)] \\(case-insensitive\\)");

  private CallError() {}

  /**
   * Returns what is wrong and where to look, with similar names as suggestions.
   *
   * @param e the parser's exception
   * @param arguments the call
   */
  static String message(ParameterException e, String[] arguments) {
    CommandSpec command = e.getCommandLine().getCommandSpec();
    Optional<UnmatchedArgumentException> unknown =
        e instanceof UnmatchedArgumentException unmatched
            ? Optional.of(unmatched)
            : e instanceof MissingParameterException
                ? unknownOption(e, command, arguments)
                : unknownCommand(e);
    String text = plain(unknown.map(Exception::getMessage).orElse(e.getMessage()), e.getArgSpec());
    String meant = unknown.map(CallError::suggestion).orElse("");
    return text + meant + " (see " + command.qualifiedName() + " --help)";
  }

  /** Returns one of the parser's messages in the words of users. */
  private static String plain(String message, ArgSpec argument) {
    return CHOICE
        .matcher(message)
        .replaceAll(found -> "expected one of " + choices(argument))
        .replaceFirst("^Error: ", "")
        .replaceFirst(" is not an? (int|long)$", " is not a whole number")
        .replaceFirst(" is not a (double|float)$", " is not a number");
  }

  /** Returns the words of an enumeration, each of which the parser takes. */
  private static String choices(ArgSpec argument) {
    Class<?> type =
        argument.typeInfo().isMultiValue()
            ? argument.auxiliaryTypes()[0]
            : argument.typeInfo().getType();
    return Arrays.stream(type.getEnumConstants())
        .map(choice -> choice.toString().toLowerCase(Locale.ROOT))
        .collect(Collectors.joining(", "));
  }

  /**
   * Returns the misspelt option, which matters more than a required one that is missing because of
   * it.
   */
  private static Optional<UnmatchedArgumentException> unknownOption(
      ParameterException e, CommandSpec command, String[] arguments) {
    return Arrays.stream(arguments)
        .filter(argument -> argument.startsWith("--"))
        .map(argument -> argument.split("=", 2)[0])
        .filter(name -> command.findOption(name) == null)
        .findFirst()
        .map(name -> new UnmatchedArgumentException(e.getCommandLine(), List.of(name)));
  }

  /** Returns the misspelt command that the help was asked for. */
  private static Optional<UnmatchedArgumentException> unknownCommand(ParameterException e) {
    return e.getMessage().startsWith("Unknown subcommand")
        ? Optional.of(new UnmatchedArgumentException(e.getCommandLine(), List.of(e.getValue())))
        : Optional.empty();
  }

  private static String suggestion(UnmatchedArgumentException e) {
    List<String> meant = e.getSuggestions();
    return meant.isEmpty() ? "" : "; did you mean " + meant.get(0).split("=")[0].strip() + "?";
  }
}
