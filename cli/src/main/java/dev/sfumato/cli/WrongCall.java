package dev.sfumato.cli;

import dev.sfumato.SfumatoException;
import java.util.function.Supplier;
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
      throw new ParameterException(command.commandLine(), e.getMessage(), e);
    }
  }
}
