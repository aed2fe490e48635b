package dev.sfumato.pipeline;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.SfumatoException;
import dev.sfumato.sampling.SamplingOptions;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;

/**
 * A model behind a queue, for servers: any number of threads may call it, and one drawing runs at a
 * time, in the order of the calls. So the memory of one drawing is enough, and each drawing may ask
 * for other LoRAs.
 *
 * <p>One thread of its own draws, because the engine keeps a team of threads for each thread that
 * computes.
 */
public final class DrawingQueue implements AutoCloseable {
  private final DiffusionPipeline pipeline;
  private final ExecutorService drawer = Executors.newSingleThreadExecutor(DrawingQueue::thread);
  private final List<LiveLora> live = new ArrayList<>();
  private List<LoadingOptions.Lora> loras = List.of();
  private volatile boolean closed;

  /**
   * @param pipeline from now on used by the queue alone, and freed with it
   */
  public DrawingQueue(DiffusionPipeline pipeline) {
    this.pipeline = pipeline;
  }

  private static Thread thread(Runnable work) {
    Thread thread = new Thread(work, "sfumato-drawing");
    thread.setDaemon(true);
    return thread;
  }

  /**
   * Checks that the model can draw with {@code options}, without drawing.
   *
   * @throws SfumatoException if the options do not fit the model
   */
  public void require(SamplingOptions options) {
    pipeline.completed(options);
  }

  /** Draws when it is this call's turn, without LoRAs: {@link #draw(SamplingOptions, List)}. */
  public List<BufferedImage> draw(SamplingOptions options) {
    return draw(options, List.of());
  }

  /**
   * Draws when it is this call's turn. Guides run on the thread that draws.
   *
   * @param loras beside the weights in this drawing; they stay loaded until one asks for others
   * @throws SfumatoException if the options do not fit the model, or the queue is closed
   * @throws CancellationException if the calling thread is interrupted; the drawing then does not
   *     begin, or stops before its next step
   */
  public List<BufferedImage> draw(SamplingOptions options, List<LoadingOptions.Lora> loras) {
    List<LoadingOptions.Lora> asked = List.copyOf(loras);
    Future<List<BufferedImage>> drawing;
    try {
      drawing = drawer.submit(() -> drawn(options, asked));
    } catch (RejectedExecutionException e) {
      throw closed();
    }
    try {
      return drawing.get();
    } catch (InterruptedException e) {
      drawing.cancel(true);
      Thread.currentThread().interrupt();
      throw new CancellationException("interrupted before the picture was drawn");
    } catch (ExecutionException e) {
      if (e.getCause() instanceof Error error) {
        throw error;
      }
      throw (RuntimeException) e.getCause();
    }
  }

  private static SfumatoException closed() {
    return new SfumatoException("the model is closed and draws no more");
  }

  private List<BufferedImage> drawn(SamplingOptions options, List<LoadingOptions.Lora> asked) {
    if (closed) {
      throw closed();
    }
    use(asked);
    return pipeline.draw(options);
  }

  /** Replaces the LoRAs, unless they are the same. */
  private void use(List<LoadingOptions.Lora> asked) {
    if (asked.equals(loras)) {
      return;
    }
    removeLoras();
    if (!(pipeline instanceof StableDiffusionPipeline texts)) {
      throw new InvalidOptionException(
          "the model draws no texts: `loras` need a text-to-image model");
    }
    try {
      asked.forEach(lora -> live.add(texts.addLora(lora.path(), lora.scale())));
      loras = asked;
    } finally {
      if (loras != asked) {
        removeLoras();
      }
    }
  }

  private void removeLoras() {
    live.forEach(LiveLora::close);
    live.clear();
    loras = List.of();
  }

  /** Frees the model after the drawing that runs; those that wait are refused. */
  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      CompletableFuture.runAsync(this::free, drawer).join();
      drawer.shutdown();
    }
  }

  private void free() {
    removeLoras();
    pipeline.close();
  }
}
