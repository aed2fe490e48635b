package dev.sfumato.pipeline;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.SfumatoException;
import dev.sfumato.sampling.SamplingOptions;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A model behind a queue, for servers: any number of threads may call it, and one drawing runs at a
 * time, in the order of the calls. So the memory of one drawing is enough, and each drawing may ask
 * for other LoRAs.
 */
public final class DrawingQueue implements AutoCloseable {
  private final ReentrantLock turn = new ReentrantLock(true);
  private final DiffusionPipeline pipeline;
  private final List<LiveLora> live = new ArrayList<>();
  private List<LoadingOptions.Lora> loras = List.of();
  private boolean closed;

  /**
   * @param pipeline from now on used by the queue alone, and freed with it
   */
  public DrawingQueue(DiffusionPipeline pipeline) {
    this.pipeline = pipeline;
  }

  /**
   * Checks that the model can draw with {@code options}, without drawing.
   *
   * @throws SfumatoException if the options do not fit the model
   */
  public void require(SamplingOptions options) {
    pipeline.completed(options);
  }

  /** Draws when it is this thread's turn, without LoRAs: {@link #draw(SamplingOptions, List)}. */
  public List<BufferedImage> draw(SamplingOptions options) {
    return draw(options, List.of());
  }

  /**
   * Draws when it is this thread's turn.
   *
   * @param loras beside the weights in this drawing; they stay loaded until one asks for others
   * @throws SfumatoException if the options do not fit the model, or the queue is closed
   * @throws CancellationException if the thread is interrupted, waiting or drawing
   */
  public List<BufferedImage> draw(SamplingOptions options, List<LoadingOptions.Lora> loras) {
    try {
      turn.lockInterruptibly();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CancellationException("interrupted before its turn to draw");
    }
    try {
      if (closed) {
        throw new SfumatoException("the model is closed and draws no more");
      }
      use(List.copyOf(loras));
      return pipeline.draw(options);
    } finally {
      turn.unlock();
    }
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
    } catch (RuntimeException e) {
      removeLoras();
      throw e;
    }
  }

  private void removeLoras() {
    live.forEach(LiveLora::close);
    live.clear();
    loras = List.of();
  }

  /** Frees the model after the drawing that runs; those that wait are refused. */
  @Override
  public void close() {
    turn.lock();
    try {
      if (!closed) {
        closed = true;
        removeLoras();
        pipeline.close();
      }
    } finally {
      turn.unlock();
    }
  }
}
