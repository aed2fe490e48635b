package dev.sfumato.pipeline;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.checkpoint.LoraFormat;
import dev.sfumato.checkpoint.LoraLayers;
import java.nio.file.Path;
import java.util.Map;
import java.util.SortedSet;

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
  private final LoraLayers layers;
  private double scale;

  LiveLora(LoraLayers layers, double scale) {
    this.layers = layers;
    this.scale = scale;
  }

  /** Returns the factor of its changes. */
  public double scale() {
    return scale;
  }

  /**
   * Sets the factor of its changes; with 0 the model is itself, bit for bit.
   *
   * @throws InvalidOptionException if it is NaN or infinite
   */
  public void scale(double scale) {
    requireFinite(scale);
    this.scale = scale;
    layers.scale(scale);
  }

  static void requireFinite(double scale) {
    if (!Double.isFinite(scale)) {
      throw new InvalidOptionException("the scale of a LoRA must be finite, but is " + scale);
    }
  }

  /** Returns the number of layers that it changes. */
  public int size() {
    return layers.size();
  }

  /** Returns the ranks of its layers, usually one, in their order. */
  public SortedSet<Long> ranks() {
    return layers.ranks();
  }

  /** Returns the values of alpha of its layers, usually one, in their order. */
  public SortedSet<Double> alphas() {
    return layers.alphas();
  }

  /** Returns whether it changes a text encoder. */
  public boolean changesTextEncoders() {
    return layers.changesTexts();
  }

  /** Returns the Euclidean norm of each layer's change at scale 1, by the layer's name. */
  public Map<String, Double> norms() {
    return layers.norms();
  }

  /**
   * Writes its matrices into a file that {@link StableDiffusionPipeline#addLora} reads.
   *
   * @param file its name ends in {@code .safetensors}
   */
  public void save(Path file, LoraFormat format) {
    layers.save(file, format);
  }

  /** Removes the LoRA and frees its memory. */
  @Override
  public void close() {
    layers.close();
  }
}
