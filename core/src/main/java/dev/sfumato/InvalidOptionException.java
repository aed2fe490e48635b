package dev.sfumato;

/** The error of an impossible option: the call was wrong, not the work. */
public class InvalidOptionException extends SfumatoException {
  private static final long serialVersionUID = 1L;

  /**
   * @param message one line that names the option between backquotes, as in {@code `batchSize`}
   */
  public InvalidOptionException(String message) {
    super(message);
  }

  /**
   * Checks an option.
   *
   * @param message one line that names the option between backquotes
   * @throws InvalidOptionException if the condition does not hold
   */
  public static void require(boolean holds, String message) {
    if (!holds) {
      throw new InvalidOptionException(message);
    }
  }
}
