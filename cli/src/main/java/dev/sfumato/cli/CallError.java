package dev.sfumato.cli;

import dev.sfumato.NearNames;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.StreamSupport;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.MutuallyExclusiveArgsException;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.TypeConversionException;
import picocli.CommandLine.UnmatchedArgumentException;

/** The error message for a wrong call, in the words of users instead of the parser's. */
final class CallError {
  private static final Pattern OPTION = Pattern.compile("--?[a-zA-Z].*");

  private CallError() {}

  /**
   * Returns what is wrong, with similar names as suggestions.
   *
   * @param e the parser's exception
   * @param arguments the call
   */
  static String message(ParameterException e, String[] arguments) {
    CommandSpec command = e.getCommandLine().getCommandSpec();
    return unknownWord(e, arguments)
        .map(word -> unknown(word, command))
        .or(() -> wrongChoice(e))
        .or(() -> alternatives(e))
        .orElseGet(() -> plain(e.getMessage()));
  }

  /**
   * Returns the word that the command does not know. A misspelt option matters more than a required
   * one that is missing because of it.
   */
  private static Optional<String> unknownWord(ParameterException e, String[] arguments) {
    if (e instanceof UnmatchedArgumentException unmatched) {
      return Optional.of(unmatched.getUnmatched().get(0));
    }
    return e instanceof MissingParameterException
        ? Arrays.stream(arguments)
            .filter(argument -> OPTION.matcher(argument).matches())
            .filter(
                argument -> e.getCommandLine().getCommandSpec().findOption(name(argument)) == null)
            .findFirst()
        : Optional.empty();
  }

  private static String name(String option) {
    return option.split("=", 2)[0];
  }

  private static String unknown(String word, CommandSpec command) {
    if (OPTION.matcher(word).matches()) {
      String name = name(word);
      return "there is no option "
          + name
          + ScriptNames.optionFor(name, command)
              .map(option -> "; did you mean " + option + "?")
              .orElseGet(() -> near(name, command));
    }
    return command.subcommands().isEmpty()
        ? "unexpected argument '" + word + "'"
        : "there is no command '"
            + word
            + "'"
            + NearNames.asked(word, command.subcommands().keySet());
  }

  private static String near(String name, CommandSpec command) {
    return NearNames.asked(name.replaceFirst("^--?", "--"), command.optionsMap().keySet());
  }

  /** Returns the error that a value is not one of the choices, which the parser names in Java. */
  private static Optional<String> wrongChoice(ParameterException e) {
    ArgSpec argument = e.getArgSpec();
    boolean ofValue = argument != null && e.getCause() instanceof TypeConversionException;
    List<String> choices = ofValue ? choices(argument) : List.of();
    return choices.isEmpty()
        ? Optional.empty()
        : Optional.of(
            name(argument)
                + (" must be " + enumerated(choices) + ", not '" + e.getValue() + "'")
                + NearNames.asked(e.getValue(), choices));
  }

  /** Returns the name of an argument in messages. */
  static String name(ArgSpec argument) {
    return argument instanceof OptionSpec option ? option.longestName() : argument.paramLabel();
  }

  /** Returns the values of an argument as users type them; empty if they are not names. */
  static List<String> choices(ArgSpec argument) {
    Iterable<String> names = argument.completionCandidates();
    return names == null
        ? List.of()
        : StreamSupport.stream(names.spliterator(), false)
            .map(name -> name.toLowerCase(Locale.ROOT))
            .toList();
  }

  private static Optional<String> alternatives(ParameterException e) {
    boolean several = e instanceof MutuallyExclusiveArgsException;
    if (!several && !e.getMessage().contains("specify one of these")) {
      return Optional.empty();
    }
    List<String> options =
        e.getCommandLine().getCommandSpec().argGroups().stream()
            .flatMap(group -> group.args().stream())
            .map(CallError::name)
            .toList();
    return Optional.of((several ? "give only one of " : "give one of ") + enumerated(options));
  }

  /** Returns {@code a, b or c}. */
  private static String enumerated(List<String> names) {
    int last = names.size() - 1;
    return last == 0
        ? names.get(0)
        : String.join(", ", names.subList(0, last)) + " or " + names.get(last);
  }

  private static String plain(String message) {
    return message
        .replaceFirst("^Error: ", "")
        .replaceFirst(
            "^Invalid value for option '(.+?)': ('.*') is not an? (?:int|long)$",
            "$1 must be a whole number, not $2")
        .replaceFirst(
            "^Invalid value for option '(.+?)': ('.*') is not a (?:double|float)$",
            "$1 must be a number, not $2")
        .replaceFirst(
            "^Missing required parameter for option '(.+?)'(?: at index \\d+)? \\((.+)\\)$",
            "$1 needs a value: $2");
  }
}
