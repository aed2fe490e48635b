package dev.sfumato.training;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.checkpoint.LoraOptions;
import dev.sfumato.data.BatchOptions;
import dev.sfumato.data.Batches;
import dev.sfumato.data.Dataset;
import dev.sfumato.pipeline.LoadingOptions;
import dev.sfumato.pipeline.StableDiffusionPipeline;
import dev.sfumato.pipeline.TinyStableDiffusion;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.ProcessGroup;
import dev.sfumato.tensor.Ranks;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Ways of fine-tuning, against the losses of diffusers' scripts in one PyTorch loop. */
class FineTuningTest {
  private static final Golden GOLDEN = Golden.read("fine_tuning");
  private static final JsonNode DOCUMENT = GOLDEN.document();

  @TempDir Path folder;

  private static JsonNode golden(String name) {
    return StreamSupport.stream(DOCUMENT.get("cases").spliterator(), false)
        .filter(c -> c.get("name").textValue().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private StableDiffusionPipeline model(String family) {
    return StableDiffusionPipeline.load(TinyStableDiffusion.write(folder.resolve(family), family));
  }

  private static String text(String key) {
    return DOCUMENT.get(key).textValue();
  }

  private static Dataset pictures(JsonNode options) {
    return options.has("masks") ? new Masked(captioned(options)) : captioned(options);
  }

  private static Dataset captioned(JsonNode options) {
    int count = DOCUMENT.get("images").intValue();
    if (options.has("prior")) {
      return Captioned.random(count, text("instance"), 16, 7);
    }
    if (options.has("vectors")) {
      return Captioned.random(count, "a photo of " + text("word"), 16, 7);
    }
    return Captioned.random(
        StreamSupport.stream(DOCUMENT.get("captions").spliterator(), false)
            .map(JsonNode::textValue)
            .toList(),
        16,
        7);
  }

  private static DenoisingLoss loss(StableDiffusionPipeline pipeline, JsonNode options) {
    Objective objective =
        Objective.defaults()
            .withCaptionDropout(0)
            .withInputPerturbation(options.path("input_perturbation").asDouble(0))
            .withLossWeighting(
                options.has("min_snr") ? Objective.Weighting.MIN_SNR : Objective.Weighting.NONE);
    DenoisingLoss loss = new DenoisingLoss(pipeline, objective, LatentCache.MEMORY);
    int classes = DOCUMENT.get("class_images").intValue();
    return options.has("prior")
        ? loss.withPrior(
            new ClassPictures(
                Captioned.random(classes, text("class"), 16, 8),
                options.get("prior").doubleValue()))
        : loss;
  }

  private static TrainingOptions training(JsonNode options) {
    TrainingOptions training =
        TrainingOptions.defaults()
            .withOptimizer(
                options.has("optimizer")
                    ? Optimizer.Settings.adafactor()
                    : Optimizer.Settings.adamW())
            .withMaxSteps(20)
            .withLearningRate(options.path("learning_rate").asDouble(1e-3))
            .withMaxGradNorm(options.has("vectors") ? 0 : 1)
            .withSeed(DOCUMENT.get("seed").longValue());
    return options.has("text_rate")
        ? training.withTextEncoderLearningRate(options.get("text_rate").doubleValue())
        : training;
  }

  /** Chooses what learns, as the options say. */
  private static void prepare(StableDiffusionPipeline pipeline, JsonNode options) {
    boolean texts = options.path("texts").booleanValue();
    if (options.has("lora")) {
      pipeline.newLora(lora(options), texts, 9);
    } else if (options.has("vectors")) {
      pipeline.newWord(text("word"), text("like"), options.get("vectors").intValue());
    } else if (texts) {
      pipeline.learners().parameters().values().forEach(weight -> weight.requiresGrad(true));
    }
  }

  private static LoraOptions lora(JsonNode options) {
    return LoraOptions.defaults()
        .withRank(options.get("rank").intValue())
        .withAlpha(options.get("alpha").doubleValue())
        .withTargets(options.get("lora").textValue());
  }

  private static List<Double> losses(StableDiffusionPipeline pipeline, JsonNode options) {
    return losses(pipeline, options, training(options), ProcessGroup.alone());
  }

  private static List<Double> losses(
      StableDiffusionPipeline pipeline,
      JsonNode options,
      TrainingOptions training,
      ProcessGroup group) {
    List<Double> losses = new ArrayList<>();
    int batch = DOCUMENT.get("batch").intValue();
    Batches batches = new Batches(pictures(options), new BatchOptions(batch, false, false, 0));
    try (Trainer trainer = new Trainer(loss(pipeline, options), batches, training, group)) {
      while (trainer.hasNext()) {
        losses.add(trainer.step().loss());
      }
    }
    return losses;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "text_to_image",
        "text_to_image_xl",
        "lora",
        "lora_all",
        "lora_texts",
        "lora_xl",
        "dreambooth",
        "dreambooth_min_snr",
        "dreambooth_lora",
        "textual_inversion",
        "textual_inversion_xl",
        "adafactor",
        "inpainting",
        "inpainting_masks",
        "inpainting_lora",
        "inpainting_dreambooth",
        "inpainting_word",
        "inpainting_xl"
      })
  void losesAsTheScriptDoes(String name) {
    JsonNode golden = golden(name);
    JsonNode options = golden.get("options");
    try (StableDiffusionPipeline pipeline = model(options.get("family").textValue())) {
      prepare(pipeline, options);
      assertAsGolden(losses(pipeline, options), golden);
    }
  }

  /** As far from float32 as PyTorch's losses under autocast with a GradScaler. */
  @ParameterizedTest
  @ValueSource(
      strings = {"text_to_image", "lora_texts", "lora_xl", "dreambooth_lora", "textual_inversion"})
  void losesAsTheScriptDoesInHalfPrecision(String name) {
    JsonNode golden = golden(name);
    JsonNode options = golden.get("options");
    boolean whole = !options.has("lora") && !options.has("vectors");
    LoadingOptions loading =
        LoadingOptions.DEFAULT.withPrecision(whole ? Precision.FP32 : Precision.FP16);
    Path files =
        TinyStableDiffusion.write(folder.resolve("model"), options.get("family").textValue());
    try (StableDiffusionPipeline pipeline = StableDiffusionPipeline.load(files, loading)) {
      prepare(pipeline, options);
      pipeline.precision(Precision.FP16);
      double off = distance(losses(pipeline, options), golden.get("losses"));
      double offInPython = distance(doubles(golden.get("half")), golden.get("losses"));
      assertThat(off).isGreaterThan(0);
      assertThat(off).isLessThan(2 * offInPython);
    }
  }

  private static List<Double> doubles(JsonNode numbers) {
    return StreamSupport.stream(numbers.spliterator(), false).map(JsonNode::doubleValue).toList();
  }

  private static double distance(List<Double> losses, JsonNode expected) {
    return IntStream.range(0, losses.size())
        .mapToDouble(step -> Math.abs(losses.get(step) - expected.get(step).doubleValue()))
        .max()
        .orElseThrow();
  }

  private static void assertAsGolden(List<Double> losses, JsonNode golden) {
    for (int step = 0; step < 20; step++) {
      double expected = golden.at("/losses/" + step).doubleValue();
      assertWithMessage("step " + step).that(losses.get(step)).isWithin(1e-5).of(expected);
    }
  }

  /** Layers that are computed again still get their gradients, inside the network and before it. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "lora_texts",
        "lora_xl",
        "dreambooth_lora",
        "textual_inversion",
        "inpainting_dreambooth",
        "inpainting_xl"
      })
  void checkpointingChangesNoLoss(String name) {
    JsonNode golden = golden(name);
    JsonNode options = golden.get("options");
    try (StableDiffusionPipeline pipeline = model(options.get("family").textValue())) {
      prepare(pipeline, options);
      pipeline.checkpointing(true);
      assertAsGolden(losses(pipeline, options), golden);
    }
  }

  /** Several processes share each batch; of the last, with one picture, the second gets nothing. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "lora_texts",
        "dreambooth",
        "dreambooth_lora",
        "textual_inversion",
        "inpainting_masks",
        "inpainting_dreambooth"
      })
  void ranksTrainAsOne(String name) throws Exception {
    JsonNode golden = golden(name);
    JsonNode options = golden.get("options");
    Path files =
        TinyStableDiffusion.write(folder.resolve("model"), options.get("family").textValue());
    for (List<Double> rank :
        Ranks.run(
            2,
            group -> {
              try (StableDiffusionPipeline pipeline = StableDiffusionPipeline.load(files)) {
                prepare(pipeline, options);
                return losses(pipeline, options, training(options), group);
              }
            })) {
      assertAsGolden(rank, golden);
    }
  }

  @Test
  void aWordLeavesAllOthersUntouched() {
    JsonNode golden = golden("textual_inversion");
    JsonNode options = golden.get("options");
    try (Scope scope = Scope.open();
        StableDiffusionPipeline pipeline = model("sd1")) {
      prepare(pipeline, options);
      Map<String, float[]> before = new HashMap<>();
      Map<String, Tensor> weights = pipeline.learners().parameters();
      weights.forEach((key, weight) -> before.put(key, weight.toFloats()));
      assertThat(before.keySet().stream().filter(key -> key.contains("token_embedding")).count())
          .isEqualTo(1);
      assertAsGolden(losses(pipeline, options), golden);
      weights.forEach(
          (key, weight) ->
              assertWithMessage(key).that(weight.toFloats()).isEqualTo(before.get(key)));
    }
  }

  /**
   * The end of a polynomial is a rate of the U-Net; a text encoder ends at the same share of its.
   */
  @Test
  void bothRatesFollowOneCurve() {
    LearningRate polynomial = new LearningRate(LearningRate.Kind.POLYNOMIAL, 4e-7, 0);
    LearningRate steps =
        new LearningRate(
            LearningRate.Kind.PIECEWISE_CONSTANT,
            4e-7,
            0,
            new LearningRate.Shape(1, 1, "1:1,0.75:2,0.5"));
    Path files = TinyStableDiffusion.write(folder.resolve("model"), "sd1");
    List<Double> curved = losses(files, polynomial);
    List<Double> stepped = losses(files, steps);
    for (int step = 0; step < 3; step++) {
      assertWithMessage("step " + step).that(curved.get(step)).isWithin(1e-7).of(stepped.get(step));
    }
  }

  private static List<Double> losses(Path files, LearningRate rate) {
    JsonNode options = golden("lora_texts").get("options");
    TrainingOptions training =
        training(options).withMaxSteps(3).withLearningRate(rate).withTextEncoderLearningRate(0.3);
    try (StableDiffusionPipeline pipeline = StableDiffusionPipeline.load(files)) {
      prepare(pipeline, options);
      return losses(pipeline, options, training, ProcessGroup.alone());
    }
  }
}
