package dev.sfumato;

/** An option asks for what is not possible: the call was wrong, not the work. */
public class InvalidOptionException extends SfumatoException {
  private static final long serialVersionUID = 1L;

  /**
   * @param message one line that names the option between backquotes, as in {@code `batchSize`}
   */
  public InvalidOptionException(String message) {
    super(message);
  }
}
