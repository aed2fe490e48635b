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
   * Returns the result of {@code options}, with its errors as errors of {@code command}.
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

  /** Returns {@code e}, whose message names properties, as an error of the call. */
  static ParameterException of(CommandSpec command, SfumatoException e) {
    String message = e.getMessage();
    for (String flag : command.optionsMap().keySet()) {
      message = withFlag(message, flag);
    }
    return new ParameterException(command.commandLine(), message, e);
  }

  /**
   * Replaces a property by its flag: names of several words everywhere, others only where they are
   * marked.
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
