package dev.sfumato.training;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.data.BatchOptions;
import dev.sfumato.data.Batches;
import dev.sfumato.data.Dataset;
import dev.sfumato.io.JsonFile;
import dev.sfumato.model.ClassConditionedUNet;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.model.UNet2DConfig;
import dev.sfumato.scheduler.PredictionType;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The training loop against what PyTorch and diffusers computed. */
class TrainerTest {
  private static final Golden GOLDEN = Golden.read("training");
  private static final int IMAGES = 26;
  private static final int BATCH = 4;
  private static final int EPOCHS = 3;
  private static final int CLASSES = 10;

  static Stream<String> cases() {
    return elements(GOLDEN.document().get("cases")).map(c -> c.get("name").textValue());
  }

  @ParameterizedTest
  @MethodSource("cases")
  void trainsAsPyTorchDoes(String name) {
    JsonNode golden = goldenCase(name);
    List<Double> losses = doubles(golden.get("losses"));
    List<Double> norms = doubles(golden.get("grad_norms"));
    List<Double> rates = doubles(golden.get("learning_rates"));
    int accumulation = golden.at("/options/accumulation").intValue();
    try (Scope scope = Scope.open();
        ClassConditionedUNet denoiser = denoiser(golden);
        Trainer trainer = trainer(golden, denoiser)) {
      assertThat(trainer.totalSteps()).isEqualTo(norms.size());
      int microBatch = 0;
      for (int step = 0; step < norms.size(); step++) {
        int perEpoch = (IMAGES + BATCH - 1) / BATCH;
        int window = Math.min(accumulation, perEpoch - microBatch % perEpoch);
        double loss =
            losses.subList(microBatch, microBatch + window).stream()
                .mapToDouble(Double::doubleValue)
                .average()
                .orElseThrow();
        microBatch += window;
        StepReport report = trainer.step();
        String at = name + ", step " + report.step();
        assertThat(report.step()).isEqualTo(step + 1);
        assertThat(report.epoch()).isEqualTo((microBatch - 1) / perEpoch);
        if (microBatch <= 20) {
          assertWithMessage(at).that(report.loss()).isWithin(1e-4 * loss).of(loss);
          assertWithMessage(at)
              .that(report.gradNorm())
              .isWithin(1e-3 * norms.get(step))
              .of(norms.get(step));
        }
        assertWithMessage(at).that(report.learningRate()).isWithin(1e-12).of(rates.get(step));
      }
      assertThat(trainer.hasNext()).isFalse();
      assertThat(trainer.progress())
          .isEqualTo(new Progress(norms.size(), EPOCHS, 0, EPOCHS * IMAGES));
      compareWeights(name, "final", denoiser.parameters());
      trainer.ema().ifPresent(ema -> compareWeights(name, "ema", ema.shadow()));
    }
  }

  private static void compareWeights(String name, String kind, Map<String, Tensor> weights) {
    String prefix = name + "." + kind + ".";
    int compared = 0;
    for (String key : GOLDEN.tensors().names()) {
      if (key.startsWith(prefix)) {
        String parameter = key.substring(prefix.length());
        Tensor weight = weights.getOrDefault(parameter, weights.get("unet." + parameter));
        // 21 steps of 1e-3 move a weight by some 1e-2; Adam amplifies rounding of small gradients.
        assertThat(weight).isWithin(2e-4).of(GOLDEN.tensor(key));
        compared++;
      }
    }
    assertWithMessage(prefix).that(compared).isAtLeast(6);
  }

  /** By both formulas, each up to the largest decay. */
  @ParameterizedTest
  @ValueSource(strings = {"accumulation", "min_snr"})
  void emaDecayWarmsUp(String name) {
    JsonNode golden = goldenCase(name);
    List<Double> decays = doubles(golden.get("ema_decays"));
    try (Scope scope = Scope.open()) {
      Tensor weight = Tensor.scalar(1);
      try (Ema ema = new Ema(Map.of("w", weight), emaSettings(golden).orElseThrow())) {
        double average = 1;
        for (int i = 0; i < decays.size(); i++) {
          weight.fill_(i);
          average = decays.get(i) * average + (1 - decays.get(i)) * i;
          ema.update();
          assertThat(ema.shadow().get("w").item()).isWithin(1e-5).of(average);
          assertThat(ema.updates()).isEqualTo(i + 1);
        }
        try (Ema.Swap swap = ema.swapIn()) {
          assertThat(weight.item()).isWithin(1e-5).of(average);
        }
        assertThat(weight.item()).isEqualTo(decays.size() - 1);
      }
    }
  }

  // ---- what does not fit

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "none | 1 | 8 | 10 | 0 | the pictures have 1 channels, the model takes 3: see `channels`",
        "none | 3 | 9 | 10 | 0 | 9 x 9",
        "embedding | 3 | 8 | 0 | 0 | the model is class-conditioned, but the data have no classes",
        "embedding | 3 | 8 | 11 | 0 | the data have 11 classes, the model knows 10",
        "embedding | 3 | 8 | 10 | 0.1 | `classDropout` needs",
        "none | 3 | 8 | 10 | 0.1 | `classDropout` needs"
      })
  void refusesDataThatDoNotSuitTheModel(
      String conditioning, int channels, int side, int classes, double dropout, String message) {
    JsonNode golden = goldenCase(conditioning.equals("none") ? "adam" : "class_embedding");
    Dataset dataset = PictureList.random(5, channels, side, classes, 0);
    try (ClassConditionedUNet denoiser = denoiser(golden)) {
      long before = Scope.liveTensors();
      SfumatoException e =
          assertThrows(
              SfumatoException.class, () -> trainer(golden, denoiser, dataset, dropout).close());
      assertThat(e).hasMessageThat().contains(message);
      assertThat(Scope.liveTensors()).isEqualTo(before);
    }
  }

  @Test
  void refusesAModelThatPredictsVariances() {
    UNet2DConfig config =
        JsonFile.MAPPER
            .convertValue(goldenCase("adam").get("config"), UNet2DConfig.class)
            .with("out_channels", 6);
    try (ClassConditionedUNet denoiser = new ClassConditionedUNet(config, ClassConditioning.NONE)) {
      SfumatoException e =
          assertThrows(SfumatoException.class, () -> trainer(goldenCase("adam"), denoiser).close());
      assertThat(e).hasMessageThat().contains("out_channels 6");
    }
  }

  @Test
  void refusesAModelThatTakesNumbersForClasses() {
    UNet2DConfig config =
        JsonFile.MAPPER
            .convertValue(goldenCase("adam").get("config"), UNet2DConfig.class)
            .with("class_embed_type", "timestep");
    try (ClassConditionedUNet denoiser = new ClassConditionedUNet(config, ClassConditioning.NONE)) {
      SfumatoException e =
          assertThrows(SfumatoException.class, () -> trainer(goldenCase("adam"), denoiser).close());
      assertThat(e).hasMessageThat().contains("class_embed_type");
    }
  }

  @Test
  void nothingStaysAliveButTheWeights() {
    JsonNode golden = goldenCase("accumulation");
    long before = Scope.liveTensors();
    try (Scope scope = Scope.open();
        ClassConditionedUNet denoiser = denoiser(golden);
        Trainer trainer = trainer(golden, denoiser)) {
      trainer.step();
      long alive = Scope.liveTensors();
      trainer.step(); // the end of an epoch, with fewer batches prepared ahead
      assertThat(Scope.liveTensors()).isAtMost(alive);
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  @ParameterizedTest
  @CsvSource({"0,0,1,1e-3", "-1,5,1,1e-3", "1,-1,1,1e-3", "1,0,0,1e-3", "1,0,1,0", "1,0,1,NaN"})
  void refusesOptionsOutOfRange(int epochs, long maxSteps, int accumulation, double rate) {
    assertThrows(
        SfumatoException.class,
        () ->
            TrainingOptions.defaults()
                .withEpochs(epochs)
                .withMaxSteps(maxSteps)
                .withGradientAccumulationSteps(accumulation)
                .withLearningRate(rate)
                .requireSteps());
    assertThrows(SfumatoException.class, () -> Optimizer.Settings.adamW().withBetas(1, 0.9));
    assertThrows(SfumatoException.class, () -> Optimizer.Settings.adamW().withWeightDecay(-1));
    assertThrows(SfumatoException.class, () -> Objective.defaults().withClassDropout(1));
    assertThrows(SfumatoException.class, () -> Ema.Settings.DEFAULTS.withDecay(1.5));
    assertThrows(SfumatoException.class, () -> new Ema.Settings(Ema.Formula.POWER, 0.9, 0.75, 0));
  }

  // ---- a golden case

  private static JsonNode goldenCase(String name) {
    return elements(GOLDEN.document().get("cases"))
        .filter(c -> c.get("name").textValue().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private static Stream<JsonNode> elements(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false);
  }

  private static List<Double> doubles(JsonNode array) {
    return elements(array).map(JsonNode::doubleValue).toList();
  }

  /** The weights that {@code weights_rule} and {@code class_rule} describe. */
  private static ClassConditionedUNet denoiser(JsonNode golden) {
    ClassConditioning.Type type =
        ClassConditioning.Type.parse(golden.at("/options/class_conditioning").textValue());
    ClassConditionedUNet denoiser =
        new ClassConditionedUNet(
            JsonFile.MAPPER.convertValue(golden.get("config"), UNet2DConfig.class),
            type == ClassConditioning.Type.NONE
                ? ClassConditioning.NONE
                : new ClassConditioning(
                    type, CLASSES, type == ClassConditioning.Type.CHANNELS ? 4 : 0));
    try (Scope scope = Scope.open();
        Rng random = new Rng(golden.get("seed").longValue())) {
      Map<String, Tensor> weights = new HashMap<>();
      List<String> names = new ArrayList<>(new TreeSet<>(denoiser.parameters().keySet()));
      names.sort((a, b) -> Boolean.compare(a.startsWith("class_emb"), b.startsWith("class_emb")));
      for (String name : names) {
        weights.put(name, weight(name, denoiser.parameters().get(name).shape(), random));
      }
      denoiser.load(weights, "golden");
    }
    return denoiser;
  }

  private static Tensor weight(String name, long[] shape, Rng random) {
    Tensor t = random.normal(shape);
    if (shape.length == 1) {
      return t.mul(0.1).add(name.endsWith("weight") ? 1 : 0);
    }
    if (name.endsWith("class_embedding.weight") || name.startsWith("class_emb")) {
      return t;
    }
    long fan = 1;
    for (int i = 1; i < shape.length; i++) {
      fan *= shape[i];
    }
    return t.div(Math.sqrt(fan));
  }

  private static Trainer trainer(JsonNode golden, ClassConditionedUNet denoiser) {
    return trainer(golden, denoiser, PictureList.random(IMAGES, 3, 8, CLASSES, 7), 0);
  }

  private static Trainer trainer(
      JsonNode golden, ClassConditionedUNet denoiser, Dataset dataset, double classDropout) {
    JsonNode options = golden.get("options");
    SchedulerConfig scheduler =
        JsonFile.MAPPER
            .convertValue(golden.get("scheduler"), SchedulerConfig.class)
            .withPredictionType(PredictionType.parse(options.get("prediction_type").textValue()));
    Objective objective =
        Objective.defaults()
            .withLossWeighting(
                Objective.Weighting.valueOf(
                    options.get("loss_weighting").textValue().toUpperCase(Locale.ROOT)))
            .withNoiseOffset(options.get("noise_offset").doubleValue())
            .withClassDropout(classDropout);
    return new Trainer(
        new DenoisingLoss(denoiser, scheduler, objective),
        new Batches(dataset, new BatchOptions(BATCH, false, false, 0)),
        options(golden));
  }

  private static TrainingOptions options(JsonNode golden) {
    JsonNode options = golden.get("options");
    Optimizer.Settings kind =
        Optimizer.Settings.of(
            Optimizer.Rule.valueOf(options.get("optimizer").textValue().toUpperCase(Locale.ROOT)));
    TrainingOptions asked =
        TrainingOptions.defaults()
            .withEpochs(EPOCHS)
            .withGradientAccumulationSteps(options.get("accumulation").intValue())
            .withOptimizer(
                kind.withBetas(
                        options.at("/betas/0").doubleValue(), options.at("/betas/1").doubleValue())
                    .withEpsilon(options.get("epsilon").doubleValue())
                    .withWeightDecay(options.get("weight_decay").doubleValue()))
            .withLearningRate(
                new LearningRate(
                    LearningRate.Kind.parse(options.get("lr_scheduler").textValue()),
                    options.get("learning_rate").doubleValue(),
                    options.get("lr_warmup_steps").longValue()))
            .withMaxGradNorm(options.get("max_grad_norm").doubleValue())
            .withSeed(golden.get("seed").longValue());
    return emaSettings(golden).map(asked::withEma).orElse(asked);
  }

  private static Optional<Ema.Settings> emaSettings(JsonNode golden) {
    return Optional.of(golden.at("/options/ema"))
        .filter(ema -> !ema.isNull())
        .map(
            ema ->
                ema.path("use_ema_warmup").booleanValue()
                    ? new Ema.Settings(
                        Ema.Formula.POWER,
                        ema.get("decay").doubleValue(),
                        ema.get("power").doubleValue(),
                        ema.get("inv_gamma").doubleValue())
                    : Ema.Settings.DEFAULTS
                        .withFormula(Ema.Formula.TEXT_TO_IMAGE)
                        .withDecay(ema.get("decay").doubleValue()));
  }
}
