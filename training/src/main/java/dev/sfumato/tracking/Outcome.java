package dev.sfumato.tracking;

/**
 * How a run ended.
 *
 * @param state which way
 * @param reason in a sentence, of a run that failed; else empty
 */
public record Outcome(State state, String reason) {
  /** All steps are done. */
  public static final Outcome FINISHED = new Outcome(State.FINISHED, "");

  /** The user ended the run early. */
  public static final Outcome STOPPED = new Outcome(State.STOPPED, "");

  /** The ways to end. */
  public enum State {
    /** All steps are done. */
    FINISHED,
    /** The user ended the run early; it can go on. */
    STOPPED,
    /** Something went wrong. */
    FAILED
  }

  /** The end of a run that could not go on. */
  public static Outcome failed(String reason) {
    return new Outcome(State.FAILED, reason);
  }
}
