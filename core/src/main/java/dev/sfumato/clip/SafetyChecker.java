package dev.sfumato.clip;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonFile;
import dev.sfumato.io.JsonObject;
import dev.sfumato.nn.Module;
import dev.sfumato.nn.Weights;
import dev.sfumato.picture.Pictures;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Construction;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * The network that comes with Stable Diffusion 1 and flags pictures: diffusers' {@code
 * StableDiffusionSafetyChecker}. It compares a picture's CLIP features with those of 17 concepts
 * and of 3 that need special care. It computes in float32, and its weights are frozen.
 */
public final class SafetyChecker extends Module {
  private static final String FOLDER = "safety_checker";
  private static final String PREPROCESSING = "feature_extractor/preprocessor_config.json";
  private static final String VISION = "vision_model.";
  private static final int CONCEPTS = 17;
  private static final int SPECIAL = 3;

  /** Added to all further scores once a concept of special care is found. */
  private static final float STRICTER = 0.01f;

  private final Tensor conceptEmbeds;
  private final Tensor conceptEmbedsWeights;
  private final Tensor specialCareEmbeds;
  private final Tensor specialCareEmbedsWeights;
  private final ImageEncoder visual;
  private final ImagePreprocessing preprocessing;
  private final Map<String, Map<?, ?>> files = new LinkedHashMap<>();

  /**
   * The scores of a picture, rounded to three decimals.
   *
   * @param special the cosine of each concept of special care minus its threshold
   * @param concepts the cosine of each concept minus its threshold; a score above 0 flags the
   *     picture
   */
  public record Verdict(List<Double> special, List<Double> concepts) {
    /** Returns whether a concept was found. */
    public boolean isFlagged() {
      return concepts.stream().anyMatch(score -> score > 0);
    }
  }

  private SafetyChecker(ClipConfig config, ImagePreprocessing preprocessing) {
    this.preprocessing = preprocessing;
    try (Construction parts = Construction.begin()) {
      conceptEmbeds = buffer(CONCEPTS, config.embedDim());
      conceptEmbedsWeights = buffer(CONCEPTS);
      specialCareEmbeds = buffer(SPECIAL, config.embedDim());
      specialCareEmbedsWeights = buffer(SPECIAL);
      visual = ImageEncoder.of(config);
      trainable().forEach(weight -> weight.requiresGrad(false));
      parts.complete();
    }
  }

  /**
   * Loads the checker of a model directory: {@code safety_checker}, and the settings in {@code
   * feature_extractor} if there are some.
   *
   * @param weights those of {@code safety_checker}
   * @throws SfumatoException naming the file that is missing or does not fit
   */
  public static SafetyChecker load(Path model, Weights weights) {
    Path settings = model.resolve(FOLDER).resolve("config.json");
    ClipConfig config = TransformersLayout.config(JsonObject.read(settings).withoutNulls());
    int size = config.image().imageSize();
    Path prepared = model.resolve(PREPROCESSING);
    boolean given = Files.exists(prepared);
    try (Construction made = Construction.begin()) {
      SafetyChecker checker =
          new SafetyChecker(
              config,
              given
                  ? ImagePreprocessing.transformers(JsonObject.read(prepared).withoutNulls(), size)
                  : ImagePreprocessing.openAi(size));
      checker.load(weights.renamed(w -> ourNames(w, weights.source())));
      checker.files.put(FOLDER + "/config.json", JsonFile.read(settings, Map.class));
      if (given) {
        checker.files.put(PREPROCESSING, JsonFile.read(prepared, Map.class));
      }
      made.complete();
      return checker;
    }
  }

  /** The vision model stands below another one of the same name, except in recent transformers. */
  private static Map<String, Tensor> ourNames(Map<String, Tensor> weights, String source) {
    Map<String, Tensor> plain = new LinkedHashMap<>();
    weights.forEach(
        (name, weight) ->
            plain.put(
                name.startsWith(VISION + VISION) ? name.substring(VISION.length()) : name, weight));
    return TransformersLayout.weights(plain, source);
  }

  /**
   * Scores pictures, each by itself.
   *
   * @param pictures (B, 3, H, W) in [-1, 1]; values outside are clamped
   */
  public List<Verdict> check(Tensor pictures) {
    List<Verdict> verdicts = new ArrayList<>();
    for (long i = 0; i < pictures.size(0); i++) {
      try (Scope scope = Scope.open();
          Autograd.Recording off = Autograd.off()) {
        Tensor input = preprocessing.apply(List.of(Pictures.pixels(pictures.narrow(0, i, 1))));
        Tensor features = visual.forward(input.to(device()), Layers.NONE);
        verdicts.add(
            verdict(cosines(features, specialCareEmbeds), cosines(features, conceptEmbeds)));
      }
    }
    return verdicts;
  }

  private static float[] cosines(Tensor features, Tensor concepts) {
    return Functional.matmul(
            Functional.normalize(features), Functional.normalize(concepts).transpose(0, 1))
        .toFloats();
  }

  /** Rounds before it compares, and is stricter within the concepts of special care, too. */
  private Verdict verdict(float[] special, float[] concepts) {
    float[] specialThresholds = specialCareEmbedsWeights.toFloats();
    float[] thresholds = conceptEmbedsWeights.toFloats();
    float stricter = 0;
    for (int i = 0; i < special.length; i++) {
      special[i] = rounded(special[i] - specialThresholds[i] + stricter);
      stricter = special[i] > 0 ? STRICTER : stricter;
    }
    for (int i = 0; i < concepts.length; i++) {
      concepts[i] = rounded(concepts[i] - thresholds[i] + stricter);
    }
    return new Verdict(list(special), list(concepts));
  }

  private static float rounded(float score) {
    return (float) Math.rint(score * 1000) / 1000;
  }

  private static List<Double> list(float[] scores) {
    return IntStream.range(0, scores.length).mapToObj(i -> (double) scores[i]).toList();
  }

  /** Writes the files that {@link #load} reads into a model directory. */
  public void save(Path model, DType floats) {
    files.forEach((name, content) -> JsonFile.write(model.resolve(name), content));
    try (Scope scope = Scope.open()) {
      Map<String, Tensor> written = new LinkedHashMap<>();
      TransformersLayout.written(parameters())
          .forEach(
              (name, weight) ->
                  written.put(name.startsWith(VISION) ? VISION + name : name, weight));
      Safetensors.write(
          model.resolve(FOLDER).resolve("model.safetensors"),
          written,
          Map.of("format", "pt"),
          floats);
    }
  }
}
