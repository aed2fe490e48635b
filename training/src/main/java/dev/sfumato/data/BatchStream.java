package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * The batches of an epoch, or of the rest of one. While a batch is used, threads prepare the next
 * ones, picture by picture. {@link #close} ends the threads. Not thread-safe.
 */
public final class BatchStream implements Iterator<Batch>, AutoCloseable {
  private final Batches.Epoch epoch;
  private final Share share;
  private final Batches batches;
  private final ExecutorService background;
  private final Queue<Thread> threads = new ConcurrentLinkedQueue<>();
  private final Deque<Preparation> ahead = new ArrayDeque<>();
  private int position;
  private volatile boolean closed;

  /** A batch and the parts of the work on it. */
  private record Preparation(Batch batch, List<Future<?>> parts) {}

  BatchStream(Batches.Epoch epoch, int position, Share share) {
    this.epoch = epoch;
    this.share = share;
    this.batches = epoch.batches();
    this.position = position;
    this.background =
        Executors.newFixedThreadPool(
            batches.threads(),
            task -> {
              Thread thread = new Thread(task, "sfumato-batches");
              thread.setDaemon(true);
              threads.add(thread);
              return thread;
            });
    // One more than all threads can work on, so no thread waits until a batch is taken.
    int batchSize = batches.options().batchSize();
    int depth = 1 + (batches.threads() + batchSize - 1) / batchSize;
    for (int i = 0; i < depth; i++) {
      prepareNext();
    }
  }

  private void prepareNext() {
    if (position == batches.perEpoch()) {
      return;
    }
    int[] items = epoch.items(position, share);
    Batch batch = epoch.empty(position++, items);
    int count = items.length;
    int parts = Math.min(batches.threads(), count);
    List<Future<?>> work = new ArrayList<>();
    for (int part = 0; part < parts; part++) {
      int first = part;
      work.add(
          background.submit(
              () -> {
                for (int place = first; place < count && !closed; place += parts) {
                  epoch.fill(batch, place, items[place]);
                }
              }));
    }
    ahead.add(new Preparation(batch, work));
  }

  @Override
  public boolean hasNext() {
    return !ahead.isEmpty();
  }

  /**
   * Returns the next batch, whose tensor belongs to the current scope.
   *
   * @throws SfumatoException if a picture can no longer be read
   * @throws NoSuchElementException after the last
   * @throws IllegalStateException if the stream was closed
   */
  @Override
  public Batch next() {
    if (closed) {
      throw new IllegalStateException("the stream of batches is closed");
    }
    if (ahead.isEmpty()) {
      throw new NoSuchElementException("no batch is left in this epoch");
    }
    Preparation next = ahead.peek();
    next.parts().forEach(BatchStream::await);
    ahead.remove();
    next.batch().tensors().forEach(Scope.keeper()::apply);
    prepareNext();
    return next.batch();
  }

  /** Waits through interrupts, which stop a training only between its steps. */
  private static void await(Future<?> part) {
    boolean interrupted = Thread.interrupted();
    try {
      part.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException known) {
        throw known;
      }
      if (e.getCause() instanceof Error error) {
        throw error;
      }
      throw new SfumatoException("a batch could not be prepared: " + e.getCause(), e.getCause());
    } catch (InterruptedException e) {
      interrupted = true;
      await(part);
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Ends the threads after the pictures that they are working on; waits through interrupts. */
  @Override
  public void close() {
    closed = true;
    background.shutdown(); // an interrupt would close the file that is being read
    boolean interrupted = Thread.interrupted();
    try {
      if (background.awaitTermination(1, TimeUnit.MINUTES)) {
        for (Thread thread : threads) {
          thread.join(); // the pool says that it has ended before its threads have
        }
        ahead.forEach(preparation -> preparation.batch().tensors().forEach(Tensor::close));
        ahead.clear();
      }
    } catch (InterruptedException e) {
      interrupted = true;
      close();
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
