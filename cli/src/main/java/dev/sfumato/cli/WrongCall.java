package dev.sfumato.cli;

import dev.sfumato.SfumatoException;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** Options that the library refuses: errors of the call, not of the work. */
final class WrongCall {
  private WrongCall() {}

  /**
   * What {@code options} makes of the options of {@code command}.
   *
   * @throws ParameterException if a value is out of range
   */
  static <T> T checked(CommandSpec command, Supplier<T> options) {
    try {
      return options.get();
    } catch (SfumatoException e) {
      throw of(command, e);
    }
  }

  /** The error of the call that {@code e}, which names properties, is on the command line. */
  static ParameterException of(CommandSpec command, SfumatoException e) {
    String message = e.getMessage();
    for (String flag : command.optionsMap().keySet()) {
      message = withFlag(message, flag);
    }
    return new ParameterException(command.commandLine(), message, e);
  }

  /**
   * Names of several words are properties wherever they stand, others where they are said to be.
   */
  private static String withFlag(String message, String flag) {
    String name = flag.replaceFirst("^-+", "");
    String quoted = Pattern.quote(name);
    return name.contains("-")
        ? message.replaceAll("(?<![\\w=-])" + quoted + "(?![\\w=-])", flag)
        : message
            .replaceAll("\\boption " + quoted + "\\b", "option " + flag)
            .replaceAll("^" + quoted + "(?= must| ')", flag);
  }
}
