package dev.sfumato.studio;

import dev.sfumato.SfumatoException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * The queue of heavy work: one job at a time, since two would share the processor and the memory
 * and both end later. A job belongs to no page, so closing a page stops nothing.
 */
final class Jobs implements AutoCloseable {
  private static final int REMEMBERED = 50;
  private static final int WAITING = 100;

  private final Events events;
  private final Map<Long, Job> jobs = new LinkedHashMap<>();
  private final ExecutorService worker =
      Executors.newSingleThreadExecutor(work -> new Thread(work, "studio-work"));
  private long last;

  Jobs(Events events) {
    this.events = events;
  }

  /**
   * Puts work at the end of the queue.
   *
   * @throws SfumatoException if too much waits
   */
  synchronized Job add(String kind, String title, Job.Work work) {
    long waiting = jobs.values().stream().filter(job -> !job.state().isOver()).count();
    if (waiting >= WAITING) {
      throw new SfumatoException(WAITING + " jobs are waiting: stop some of them first");
    }
    Job job = new Job(++last, kind, title, work, events);
    jobs.put(job.id(), job);
    forget();
    events.send("job", job.state(false));
    worker.execute(job::run);
    return job;
  }

  private void forget() {
    List<Long> over =
        jobs.values().stream().filter(job -> job.state().isOver()).map(Job::id).toList();
    over.subList(0, Math.max(0, over.size() - REMEMBERED)).forEach(jobs::remove);
  }

  synchronized Optional<Job> job(long id) {
    return Optional.ofNullable(jobs.get(id));
  }

  /** Returns all that a page must know at its start. */
  synchronized List<Map<String, Object>> states() {
    return jobs.values().stream().map(job -> job.state(true)).toList();
  }

  /** Stops all work and waits for what must be saved. */
  @Override
  public void close() {
    List<Job> all;
    synchronized (this) {
      all = new ArrayList<>(jobs.values());
      worker.shutdown(); // no job comes after these
    }
    all.forEach(Job::stop);
    try {
      worker.awaitTermination(Long.MAX_VALUE, TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
