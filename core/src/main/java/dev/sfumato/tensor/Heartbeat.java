package dev.sfumato.tensor;

import dev.sfumato.SfumatoException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Signs of life of the processes of a group: each counts up a number in the store every second.
 *
 * <p>A process that ends breaks its connections, and the others see that when they next need it.
 * But a machine that is switched off breaks nothing, and a process that draws samples for minutes
 * needs nobody. So threads watch the numbers, and by them a process that is gone is told from one
 * that is slow.
 */
final class Heartbeat implements AutoCloseable {
  private static final Duration BEAT = Duration.ofSeconds(1);
  private static final Duration SILENCE = Duration.ofSeconds(30);
  private static final Duration A_FEW_BEATS = BEAT.multipliedBy(4);
  private static final int THREADS = 2; // one may wait for the store, the other watches the clock

  private final int rank;
  private final StoreConnection store;
  private final Consumer<SfumatoException> lost;
  private final long[] counts;
  private final AtomicLongArray heardAt;
  private final ScheduledExecutorService threads =
      Executors.newScheduledThreadPool(
          THREADS,
          task -> {
            Thread thread = new Thread(task, "sfumato-heartbeat");
            thread.setDaemon(true);
            return thread;
          });

  /**
   * Starts to beat and to watch.
   *
   * @param store a connection that nobody else uses, to be closed with this
   * @param lost told if a process is silent for half a minute
   */
  Heartbeat(int rank, int size, StoreConnection store, Consumer<SfumatoException> lost) {
    this.rank = rank;
    this.store = store;
    this.lost = lost;
    counts = new long[size];
    heardAt =
        new AtomicLongArray(IntStream.range(0, size).mapToLong(r -> System.nanoTime()).toArray());
    threads.scheduleWithFixedDelay(this::beat, 0, BEAT.toMillis(), TimeUnit.MILLISECONDS);
    threads.scheduleWithFixedDelay(this::watch, 0, BEAT.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** Counts up the own number and reads the others'. */
  private void beat() {
    try {
      for (int other = 0; other < counts.length; other++) {
        long count = store.keys().add("alive/" + other, other == rank ? 1 : 0);
        if (count != counts[other]) {
          counts[other] = count;
          heardAt.set(other, System.nanoTime());
        }
      }
    } catch (RuntimeException e) {
      // A store that does not answer leaves all silent, this process too: see silentFor.
    }
  }

  private void watch() {
    List<Integer> silent = silentFor(SILENCE);
    if (!silent.isEmpty() && !threads.isShutdown()) {
      threads.shutdown();
      lost.accept(gone(silent));
    }
  }

  /** Who was not heard of for some time; rank 0, which has the store, if this process was not. */
  private List<Integer> silentFor(Duration time) {
    List<Integer> silent =
        IntStream.range(0, counts.length)
            .filter(other -> System.nanoTime() - heardAt.get(other) > time.toNanos())
            .boxed()
            .toList();
    return silent.contains(rank) ? List.of(0) : silent;
  }

  /** What to say after a connection broke: which process has gone, as a few beats tell. */
  SfumatoException explain(SfumatoException broken) {
    try {
      Thread.sleep(A_FEW_BEATS.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    List<Integer> silent = silentFor(A_FEW_BEATS.minus(BEAT));
    return silent.isEmpty()
        ? new SfumatoException(
            "rank " + rank + " lost its connection to the others: " + broken.getMessage(), broken)
        : gone(silent);
  }

  private static SfumatoException gone(List<Integer> ranks) {
    String names = ranks.stream().map(String::valueOf).collect(Collectors.joining(", "));
    return new SfumatoException(
        (ranks.size() == 1 ? "rank " + names + " is" : "ranks " + names + " are")
            + " gone: it ended or cannot be reached; see its own messages, then go on with"
            + " `resume`");
  }

  /** Stops. */
  @Override
  public void close() {
    threads.shutdown();
    try {
      if (threads.awaitTermination(10, TimeUnit.SECONDS)) {
        store.close(); // not while the engine still waits in it
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
