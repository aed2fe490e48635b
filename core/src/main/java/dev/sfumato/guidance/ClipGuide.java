package dev.sfumato.guidance;

import dev.sfumato.SfumatoException;
import dev.sfumato.clip.ClipModel;
import dev.sfumato.tensor.Constant;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.stream.IntStream;

/**
 * Steers towards pictures whose parts are close to prompts for CLIP. The loss is half the squared
 * great-circle distance, averaged with weights over prompts and then over all parts of all
 * pictures,
 *
 * <pre>d(a, b) = 2 arcsin(|a - b| / 2)^2</pre>
 *
 * between features a and b of unit length, as in unit 2 of the Hugging Face diffusion models
 * course. With a temperature T prompts compete instead, as in CLIP's training: the mean of
 *
 * <pre>-log softmax(cos(a, b) / T)[b]</pre>
 *
 * over the prompts b of positive weight; the softmax is over all.
 *
 * <p>Guides of one model with equal cutouts look at the same parts, which go through CLIP in one
 * batch. CLIP's weights get no gradients.
 *
 * @param clip the model
 * @param cutouts the parts of the pictures that it sees
 * @param prompts the texts or pictures to find, encoded by the same model
 * @param temperature above 0; empty for distances
 */
public record ClipGuide(
    ClipModel clip, Cutouts cutouts, ClipPrompts prompts, OptionalDouble temperature)
    implements Guide {
  /** The key of the results that guides of one model with equal cutouts share at a moment. */
  private record Shared(ClipModel clip, Cutouts cutouts) {}

  /**
   * @throws SfumatoException if the temperature is not above 0 or too few prompts compete
   */
  public ClipGuide {
    if (temperature.isPresent()) {
      if (!(temperature.getAsDouble() > 0)) {
        throw new SfumatoException(
            "clip: temperature must be above 0, not " + temperature.getAsDouble());
      }
      if (prompts.weights().size() < 2 || prompts.weights().stream().noneMatch(w -> w > 0)) {
        throw new SfumatoException(
            "clip: with a temperature prompts compete: give two or more, one of them with a"
                + " positive weight");
      }
    }
  }

  /** Makes a guide by distances. */
  public ClipGuide(ClipModel clip, Cutouts cutouts, ClipPrompts prompts) {
    this(clip, cutouts, prompts, OptionalDouble.empty());
  }

  @Override
  public Tensor loss(Tensor predictedX0, Moment at) {
    requireColors(predictedX0);
    List<Tensor> seen = at.once(new Shared(clip, cutouts), () -> look(predictedX0, at));
    return temperature.isPresent() ? competition(seen.get(0)) : distance(seen);
  }

  private static void requireColors(Tensor pictures) {
    if (pictures.size(1) != 1 && pictures.size(1) != 3) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "CLIP guidance is for gray and RGB pictures, not for %d channels",
              pictures.size(1)));
    }
  }

  /** Returns CLIP's view of the parts: features, and the outputs of all layers. */
  private List<Tensor> look(Tensor pictures, Moment at) {
    try (Scope scope = Scope.open()) {
      Tensor parts = cutouts.of(pictures, clip.imageSize(), at);
      Tensor images = clip.preprocessing().normalize(parts.expand(parts.size(0), 3, -1, -1));
      List<Integer> layers = IntStream.range(0, clip.layerCount()).boxed().toList();
      List<Tensor> outputs = clip.network().featuresAndLayers(images, layers);
      outputs.forEach(scope::keep);
      return outputs;
    }
  }

  /** Returns the mean over the features and the prompts' layers. */
  private Tensor distance(List<Tensor> seen) {
    return Scope.run(
        () -> {
          Tensor sum = distance(seen.get(0), prompts.features().get(0));
          for (int i = 0; i < prompts.layers().size(); i++) {
            int layer = Math.floorMod(prompts.layers().get(i), clip.layerCount());
            sum = sum.add(distance(seen.get(1 + layer), prompts.features().get(1 + i)));
          }
          return sum.div(prompts.features().size());
        });
  }

  private Tensor distance(Tensor output, Tensor targets) {
    Tensor features = ClipPrompts.unit(output).unsqueeze(1); // (N, 1, D)
    Tensor chords = features.sub(targets.unsqueeze(0)).norm(2); // (N, P)
    Tensor distances = chords.div(2).arcsin().square().mul(2);
    return weighted(distances, prompts.weights());
  }

  private Tensor competition(Tensor output) {
    return Scope.run(
        () -> {
          Tensor cosines =
              Functional.matmul(
                  ClipPrompts.unit(output), prompts.features().get(0).transpose(0, 1));
          Tensor logs = Functional.logSoftmax(cosines.div(temperature.getAsDouble()), 1);
          return weighted(logs.neg(), prompts.weights().stream().map(w -> Math.max(w, 0)).toList());
        });
  }

  /**
   * Returns the mean over rows of {@code values} (N, P), weighted by shares of the weights'
   * magnitudes.
   */
  private static Tensor weighted(Tensor values, List<Double> weights) {
    double sum = weights.stream().mapToDouble(Math::abs).sum();
    float[] shares = new float[weights.size()];
    for (int i = 0; i < shares.length; i++) {
      shares[i] = (float) (weights.get(i) / sum);
    }
    Tensor row = Constant.on(values.device(), shares, 1, shares.length);
    return values.mul(row).sum().div(values.size(0));
  }
}
