package dev.sfumato.pipeline;

import dev.sfumato.nn.Adapter;
import java.util.List;

/**
 * A LoRA beside the weights of a model, which draws with it until it is closed.
 *
 * <pre>{@code
 * try (LiveLora style = pipeline.addLora(Path.of("style.safetensors"), 0.8)) {
 *   pipeline.draw(options);
 *   style.scale(0.4);
 *   pipeline.draw(options);
 * } // the model is as it was before
 * }</pre>
 *
 * <p>Pictures are those of a model into which the LoRA is merged ({@link LoadingOptions#withLora}).
 * A merged one costs no time while the model draws.
 *
 * <p>Like {@link DiffusionPipeline#to}, neither method may be called while a thread draws. Closing
 * the pipeline closes its LoRAs.
 */
public final class LiveLora implements AutoCloseable {
  private final List<Adapter> adapters;
  private double scale;

  LiveLora(List<Adapter> adapters, double scale) {
    this.adapters = adapters;
    this.scale = scale;
  }

  /** Returns the factor of its changes. */
  public double scale() {
    return scale;
  }

  /** Sets the factor of its changes; with 0 the model is itself, bit for bit. */
  public void scale(double scale) {
    this.scale = scale;
    adapters.forEach(adapter -> adapter.scale(scale));
  }

  /** Removes the LoRA and frees its memory. */
  @Override
  public void close() {
    adapters.forEach(Adapter::close);
  }
}
