package dev.sfumato.tracking;

/**
 * The end of a run.
 *
 * @param state the way in which it ended
 * @param reason the reason of a failure in a sentence; else empty
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
    /** The user ended the run early; it can be resumed. */
    STOPPED,
    /** Something went wrong. */
    FAILED
  }

  /** Returns the end of a failed run. */
  public static Outcome failed(String reason) {
    return new Outcome(State.FAILED, reason);
  }
}
