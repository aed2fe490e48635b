package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Tensor;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * The batches of an epoch, or of the rest of one. While a batch is used, one thread prepares the
 * next. Close it: that ends the thread. For use by one thread.
 */
public final class BatchStream implements Iterator<Batch>, AutoCloseable {
  private final Dataset dataset;
  private final Iterator<Callable<Batches.Prepared>> preparations;
  private final ExecutorService background =
      Executors.newSingleThreadExecutor(
          task -> {
            Thread thread = new Thread(task, "sfumato-batches");
            thread.setDaemon(true);
            return thread;
          });
  private Future<Batches.Prepared> ahead; // null after the last

  BatchStream(Dataset dataset, Iterator<Callable<Batches.Prepared>> preparations) {
    this.dataset = dataset;
    this.preparations = preparations;
    prepareNext();
  }

  private void prepareNext() {
    ahead = preparations.hasNext() ? background.submit(preparations.next()) : null;
  }

  @Override
  public boolean hasNext() {
    return ahead != null;
  }

  /**
   * Returns the next batch, whose tensor belongs to the current scope.
   *
   * @throws SfumatoException if a picture cannot be read any more
   * @throws NoSuchElementException after the last
   * @throws IllegalStateException if the stream was closed
   */
  @Override
  public Batch next() {
    if (background.isShutdown()) {
      throw new IllegalStateException("the stream of batches is closed");
    }
    if (ahead == null) {
      throw new NoSuchElementException("no batch is left in this epoch");
    }
    Batches.Prepared ready = await(ahead);
    prepareNext();
    Tensor images =
        Tensor.of(
            ready.images(),
            ready.indices().length,
            dataset.channels(),
            dataset.height(),
            dataset.width());
    return new Batch(images, ready.labels(), ready.indices());
  }

  private static Batches.Prepared await(Future<Batches.Prepared> future) {
    try {
      return future.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException known) {
        throw known;
      }
      if (e.getCause() instanceof Error error) {
        throw error;
      }
      throw new SfumatoException("a batch could not be prepared: " + e.getCause(), e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new SfumatoException("interrupted while a batch was prepared", e);
    }
  }

  /** Ends the thread, waiting for the picture that it is at. */
  @Override
  public void close() {
    background.shutdownNow();
    try {
      background.awaitTermination(1, TimeUnit.MINUTES);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
