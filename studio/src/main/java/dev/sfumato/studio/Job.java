package dev.sfumato.studio;

import dev.sfumato.SfumatoException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CancellationException;

/** A piece of heavy work: it waits in the queue, runs, and ends. */
final class Job {
  private static final System.Logger log = System.getLogger(Job.class.getName());

  /** The work of a job. */
  @FunctionalInterface
  interface Work {
    /**
     * Works, and returns what the page needs to show the result.
     *
     * @throws CancellationException if it was stopped
     */
    Map<String, Object> run(Job job) throws Exception;
  }

  /** The course of a job. */
  enum State {
    QUEUED,
    RUNNING,
    DONE,
    STOPPED,
    FAILED;

    boolean isOver() {
      return compareTo(RUNNING) > 0;
    }
  }

  private final long id;
  private final String kind;
  private final String title;
  private final Work work;
  private final Events events;

  private State state = State.QUEUED;
  private long step;
  private long steps;
  private String message = "";
  private String warning = "";
  private Map<String, Object> result = Map.of();
  private List<String> pictures = List.of();
  private final List<Map<String, Double>> losses = new ArrayList<>();
  private long begun;
  private double seconds;

  private volatile boolean stopAsked;
  private Thread interruptible;

  Job(long id, String kind, String title, Work work, Events events) {
    this.id = id;
    this.kind = kind;
    this.title = title;
    this.work = work;
    this.events = events;
  }

  long id() {
    return id;
  }

  synchronized State state() {
    return state;
  }

  /** Returns whether the user wants the work to end. */
  boolean stopAsked() {
    return stopAsked;
  }

  // ---- the course

  void run() {
    if (!begin()) {
      return;
    }
    try {
      finish(State.DONE, work.run(this), "");
    } catch (CancellationException e) {
      finish(State.STOPPED, Map.of(), "");
    } catch (Exception | Error e) { // the queue outlives a job without memory
      String reason = e instanceof SfumatoException ? e.getMessage() : "the work failed: " + e;
      log.log(System.Logger.Level.DEBUG, reason, e);
      finish(stopAsked ? State.STOPPED : State.FAILED, Map.of(), reason);
    }
  }

  private synchronized boolean begin() {
    if (state != State.QUEUED) {
      return false;
    }
    state = State.RUNNING;
    begun = System.nanoTime();
    tell();
    return true;
  }

  private synchronized void finish(State end, Map<String, Object> value, String reason) {
    interruptible = null;
    Thread.interrupted(); // belongs to this job, not to the next
    seconds = (System.nanoTime() - begun) / 1e9;
    result = value;
    message = end == State.FAILED ? reason : "";
    pictures = end == State.DONE ? List.of() : pictures; // the result shows them
    state = end;
    tell();
  }

  /** Ends the job: at once if it waits, else as soon as its work can. */
  synchronized void stop() {
    stopAsked = true;
    if (state == State.QUEUED) {
      state = State.STOPPED;
      tell();
    } else if (interruptible != null) {
      interruptible.interrupt();
    }
  }

  /** Lets {@link #stop} interrupt this thread from now on. */
  synchronized void interruptible() {
    interruptible = Thread.currentThread();
    requireNotStopped();
  }

  /** Lets the work end what must not be interrupted, such as saving. */
  synchronized void saving() {
    interruptible = null;
    Thread.interrupted();
    requireNotStopped();
  }

  private void requireNotStopped() {
    if (stopAsked) {
      throw new CancellationException("stopped");
    }
  }

  // ---- news

  synchronized void message(String text) {
    if (!message.equals(text)) {
      message = text;
      tell();
    }
  }

  /** Says what goes wrong without ending the work; the first warning stays. */
  synchronized void warning(String text) {
    if (warning.isEmpty()) {
      warning = text;
      tell();
    }
  }

  synchronized void step(long done, long all) {
    step = done;
    steps = all;
    message = "";
    tell();
  }

  /** Shows the pictures on the way, as addresses that hold them. */
  synchronized void pictures(List<String> shown) {
    pictures = shown;
    events.send("pictures", Map.of("job", id, "pictures", shown));
  }

  synchronized void losses(Map<String, Double> values) {
    losses.add(values);
    events.send("losses", Map.of("job", id, "at", losses.size() - 1, "losses", values));
  }

  private void tell() {
    events.send("job", state(false));
  }

  /** Returns all that the page shows of this job. */
  synchronized Map<String, Object> state(boolean whole) {
    Map<String, Object> shown = new LinkedHashMap<>();
    shown.put("id", id);
    shown.put("kind", kind);
    shown.put("title", title);
    shown.put("state", state.name().toLowerCase(Locale.ROOT));
    shown.put("step", step);
    shown.put("steps", steps);
    shown.put("message", message);
    shown.put("warning", warning);
    shown.put("result", result);
    shown.put("seconds", state == State.RUNNING ? (System.nanoTime() - begun) / 1e9 : seconds);
    if (whole) {
      shown.put("pictures", pictures);
      shown.put("losses", List.copyOf(losses));
    }
    return shown;
  }
}
