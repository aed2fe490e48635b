package dev.sfumato;

/**
 * The one exception that Sfumato throws for anything a user can mend: a bad file, a wrong option,
 * an operation whose shapes do not fit. The message is one line that names the thing and says what
 * to do. Whatever it is made of, it is {@linkplain Printable#shortened short and printable}.
 */
public class SfumatoException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * @param message one line: what is wrong and what to do
   */
  public SfumatoException(String message) {
    super(Printable.shortened(message));
  }

  /**
   * @param message one line: what is wrong and what to do
   * @param cause what was thrown first
   */
  public SfumatoException(String message, Throwable cause) {
    super(Printable.shortened(message), cause);
  }
}
