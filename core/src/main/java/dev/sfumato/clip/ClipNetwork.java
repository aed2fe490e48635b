package dev.sfumato.clip;

import dev.sfumato.SfumatoException;
import dev.sfumato.nn.Module;
import dev.sfumato.nn.Name;
import dev.sfumato.tensor.Autocast;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Construction;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * The two encoders of CLIP. Its parameters are named as in the files of OpenAI and open_clip.
 *
 * <p>Training maximises, for the pairs (picture i, text i) of a batch, the softmax over {@code
 * exp(logit_scale) cos(image_i, text_j)} in both directions (Radford et al., 2021, figure 3).
 */
public final class ClipNetwork extends Module {
  @Name("")
  private final ClipTextModel text;

  private final Tensor logitScale;
  private final ImageEncoder visual;
  private final ClipConfig config;

  /** Makes a network without set parameters; {@link #reset} or {@link #load} fills them. */
  public ClipNetwork(ClipConfig config) {
    this.config = config;
    try (Construction parts = Construction.begin()) {
      text = new ClipTextModel(config.text(), config.embedDim());
      logitScale = parameter();
      visual = ImageEncoder.of(config);
      parts.complete();
    }
  }

  /** Returns its configuration. */
  public ClipConfig config() {
    return config;
  }

  /**
   * Computes the features of pictures; gradients reach the pixels.
   *
   * @param images (B, 3, S, S), normalised with the mean and deviation of the model
   * @return (B, embed_dim)
   * @throws SfumatoException if the pictures have another shape
   */
  public Tensor encodeImage(Tensor images) {
    requireImages(images);
    try (Autocast cast = Autocast.open(precision())) {
      return Scope.run(() -> visual.forward(images, Layers.NONE));
    }
  }

  /**
   * Computes the outputs of single layers of the image encoder: for a vision transformer the tokens
   * (B, 1 + patches, width) after each block, for a residual network the features (B, C, H, W)
   * after the stem (layer 0) and each of its four stages.
   *
   * @param images (B, 3, S, S), normalised
   * @param layers their numbers, 0 the first; negative ones count from the end
   * @return a tensor for each of {@code layers}
   * @throws SfumatoException if a layer does not exist, or the pictures have another shape
   */
  public List<Tensor> imageLayers(Tensor images, List<Integer> layers) {
    try (Scope scope = Scope.open()) {
      List<Tensor> outputs = featuresAndLayers(images, layers);
      List<Tensor> shown = outputs.subList(1, outputs.size());
      shown.forEach(scope::keep);
      return shown;
    }
  }

  /**
   * Returns the result of {@link #encodeImage}, then those of {@link #imageLayers}, from one pass.
   */
  public List<Tensor> featuresAndLayers(Tensor images, List<Integer> layers) {
    requireImages(images);
    Layers seen = new Layers(layers, config.image().layerCount());
    try (Autocast cast = Autocast.open(precision());
        Scope scope = Scope.open()) {
      List<Tensor> outputs = new ArrayList<>();
      outputs.add(visual.forward(images, seen));
      outputs.addAll(seen.outputs());
      outputs.forEach(scope::keep);
      return outputs;
    }
  }

  /**
   * Computes the features of texts.
   *
   * @param ids tokens (B, context length) int64, as {@link ClipTokenizer#encode} makes them, on any
   *     device
   * @return (B, embed_dim)
   */
  public Tensor encodeText(Tensor ids) {
    try (Autocast cast = Autocast.open(precision())) {
      return text.features(ids);
    }
  }

  /** Returns the text encoder. */
  ClipTextModel text() {
    return text;
  }

  /** Returns the natural logarithm of the factor of cosines before a softmax, shape (). */
  public Tensor logitScale() {
    return logitScale;
  }

  private void requireImages(Tensor images) {
    long side = config.image().imageSize();
    long[] shape = images.shape();
    if (shape.length != 4 || shape[1] != 3 || shape[2] != side || shape[3] != side) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "this CLIP model reads pictures (B, 3, %d, %d), not %s",
              side,
              side,
              Arrays.toString(shape)));
    }
  }

  @Override
  protected void resetOwn(Rng rng) {
    try (Autograd.Recording off = Autograd.off()) {
      logitScale.fill_(Math.log(1 / 0.07));
    }
  }
}
