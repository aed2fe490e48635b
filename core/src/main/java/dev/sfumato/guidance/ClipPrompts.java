package dev.sfumato.guidance;

import dev.sfumato.SfumatoException;
import dev.sfumato.clip.ClipModel;
import dev.sfumato.picture.Pixels;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a CLIP model is to find in pictures: texts, or other pictures. Their features are computed
 * once and belong to the scope that is current then.
 *
 * @param weights how much each of P prompts counts; below 0 it drives away
 * @param layers of which layers of the image encoder {@code features} holds the outputs, too
 * @param features (P, D) each: of the encoder's end and of {@code layers}, rows of unit length
 */
public record ClipPrompts(List<Double> weights, List<Integer> layers, List<Tensor> features) {
  private static final Pattern WEIGHTED = Pattern.compile("(.*):([^:]*)", Pattern.DOTALL);

  /**
   * @throws SfumatoException if nothing counts
   */
  public ClipPrompts {
    weights = List.copyOf(weights);
    layers = List.copyOf(layers);
    features = List.copyOf(features);
    if (weights.stream().allMatch(weight -> weight == 0)) {
      throw new SfumatoException("clip: a prompt must have a weight other than 0");
    }
  }

  /**
   * Reads {@code a red rose} or, with weights, {@code a red rose:2|blue:-0.5}; a weight that is not
   * said is 1.
   *
   * @throws SfumatoException if a prompt has no words
   */
  public static ClipPrompts ofTexts(ClipModel clip, String prompts) {
    List<String> texts = new ArrayList<>();
    List<Double> weights = new ArrayList<>();
    for (String prompt : prompts.split("\\|", -1)) {
      Matcher weighted = WEIGHTED.matcher(prompt);
      boolean said = weighted.matches() && isNumber(weighted.group(2));
      texts.add(said ? weighted.group(1) : prompt);
      weights.add(said ? Double.parseDouble(weighted.group(2)) : 1);
    }
    for (String text : texts) {
      if (clip.tokenizer().tokenize(text).isEmpty()) {
        throw new SfumatoException(
            "clip: prompt '" + text + "' has no words: nothing can be compared to it");
      }
    }
    try (Autograd.Recording off = Autograd.off()) {
      return new ClipPrompts(weights, List.of(), List.of(clip.encodeText(texts)));
    }
  }

  /**
   * One picture.
   *
   * @param layers also compared in these layers of the image encoder, 0 the first, -1 the last
   * @throws SfumatoException if a layer is not there
   */
  public static ClipPrompts ofPicture(ClipModel clip, Pixels picture, List<Integer> layers) {
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off()) {
      Tensor image = clip.preprocess(List.of(picture));
      List<Tensor> features =
          clip.network().featuresAndLayers(image, layers).stream().map(ClipPrompts::unit).toList();
      features.forEach(scope::keep);
      return new ClipPrompts(List.of(1.0), layers, features);
    }
  }

  /**
   * An output of the image encoder as features (N, D) of unit length: of a layer the mean over all
   * tokens or pixels, which does not tell where something is.
   *
   * @param output (N, D), (N, tokens, D) or (N, D, H, W)
   */
  static Tensor unit(Tensor output) {
    return Scope.run(
        () ->
            Functional.normalize(
                switch (output.dim()) {
                  case 2 -> output;
                  case 3 -> output.mean(false, 1);
                  default -> output.mean(false, 2, 3);
                }));
  }

  private static boolean isNumber(String text) {
    try {
      return Double.isFinite(Double.parseDouble(text));
    } catch (NumberFormatException e) {
      return false;
    }
  }
}
