package dev.sfumato.guidance;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.io.JsonFile;
import dev.sfumato.model.ClassConditionedUNet;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.model.PictureSpace;
import dev.sfumato.pipeline.PixelPipeline;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.Start;
import dev.sfumato.scheduler.RunOptions;
import dev.sfumato.scheduler.Scheduler;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/** A sampling with a tiny network of random weights, to be steered. */
final class SteeredSampling {
  private final String model;
  private final Guidance guidance;
  private String scheduler = "ddim";
  private final Map<String, Object> settings = new HashMap<>();
  private int steps = 5;
  private double eta = 0;
  private long seed = 0;
  private int count = 1;
  private int batchSize = 64;
  private long[] labels = {};
  private ClassifierFreeGuidance classGuidance = ClassifierFreeGuidance.NONE;
  private PictureSpace space = PictureSpace.PIXELS;
  private Consumer<Prediction> predictions = prediction -> {};
  private Consumer<Step> taken = step -> {};

  private SteeredSampling(String model, Guidance guidance) {
    this.model = model;
    this.guidance = guidance;
  }

  /** One RGB picture of 16 x 16 pixels in 5 steps of ddim. */
  static SteeredSampling tiny(Guidance guidance) {
    return new SteeredSampling("pipeline/tiny", guidance);
  }

  /** Reads the options of a golden case, except the guides. */
  static SteeredSampling of(JsonNode options, Guidance guidance) {
    SteeredSampling sampling =
        new SteeredSampling(options.get("model").textValue(), guidance)
            .by(options.get("scheduler").textValue(), options.get("steps").intValue())
            .seed(options.get("seed").longValue())
            .count(options.get("count").intValue());
    options
        .get("config")
        .properties()
        .forEach(
            e ->
                sampling.with(
                    e.getKey(), JsonFile.MAPPER.convertValue(e.getValue(), Object.class)));
    sampling.eta = options.get("eta").doubleValue();
    return sampling;
  }

  SteeredSampling with(String setting, Object value) {
    settings.put(setting, value);
    return this;
  }

  SteeredSampling by(String scheduler, int steps) {
    this.scheduler = scheduler;
    this.steps = steps;
    return this;
  }

  SteeredSampling seed(long seed) {
    this.seed = seed;
    return this;
  }

  SteeredSampling count(int count) {
    this.count = count;
    return this;
  }

  SteeredSampling inSlicesOf(int batchSize) {
    this.batchSize = batchSize;
    return this;
  }

  SteeredSampling in(PictureSpace space) {
    this.space = space;
    return this;
  }

  SteeredSampling listeningTo(Consumer<Prediction> listener) {
    this.predictions = listener;
    return this;
  }

  SteeredSampling listeningToSteps(Consumer<Step> listener) {
    this.taken = listener;
    return this;
  }

  /** The pictures (count, C, H, W). */
  Tensor run() {
    try (Scope scope = Scope.open();
        PixelPipeline pipeline = PixelPipeline.load(Golden.path(model));
        ClassConditionedUNet network = saysWhatNoClassIs(pipeline.denoiser());
        Rng random = new Rng(seed)) {
      SchedulerConfig config = pipeline.scheduler().withClassName(scheduler);
      for (Map.Entry<String, Object> setting : settings.entrySet()) {
        config = config.with(setting.getKey(), setting.getValue());
      }
      int side = network.config().sampleSize().get(0);
      Conditioning conditioning =
          new Conditioning(network.given(labels, count), network.missing(), classGuidance);
      return scope.keep(
          new Sampler(network, Scheduler.of(config))
              .withSpace(space)
              .withGuidance(guidance)
              .withConditioning(conditioning)
              .withRunOptions(RunOptions.defaults().withEta(eta))
              .withBatchSize(batchSize)
              .sample(
                  Start.noise(count, network.channels(), side, side), steps, random, listener()));
    }
  }

  private Sampler.Listener listener() {
    return new Sampler.Listener() {
      @Override
      public void onStep(Step step, Tensor x) {
        taken.accept(step);
      }

      @Override
      public void onPrediction(Step step, Prediction prediction) {
        predictions.accept(prediction);
      }
    };
  }

  /**
   * For classifier-free guidance, that the last of the 11 labels means "no class" has to be said.
   */
  private ClassConditionedUNet saysWhatNoClassIs(ClassConditionedUNet denoiser) {
    ClassConditioning conditioning =
        classGuidance.scale() == 1
            ? denoiser.conditioning()
            : new ClassConditioning(ClassConditioning.Type.EMBEDDING, 10, 0);
    ClassConditionedUNet same = new ClassConditionedUNet(denoiser.config(), conditioning);
    same.load(denoiser.parameters(), model);
    return same;
  }

  /** A golden case of {@code reference/guidance.py}. */
  static final class Case {
    private static final Golden GOLDEN = Golden.read("guidance/images");

    private final String name;
    private final JsonNode document;

    Case(String name) {
      this.name = name;
      document = documents().filter(c -> c.get("name").asText().equals(name)).findFirst().get();
    }

    static Stream<String> names() {
      return documents().map(c -> c.get("name").textValue());
    }

    private static Stream<JsonNode> documents() {
      return stream(GOLDEN.document().get("cases"));
    }

    private static Stream<JsonNode> stream(JsonNode array) {
      return StreamSupport.stream(array.spliterator(), false);
    }

    Tensor images() {
      return GOLDEN.tensor(name);
    }

    JsonNode trace() {
      return document.get("trace");
    }

    SteeredSampling sampling() {
      JsonNode o = document.get("options");
      SteeredSampling sampling = of(o, guidance(o));
      sampling.labels = stream(o.path("labels")).mapToLong(JsonNode::longValue).toArray();
      if (o.has("class_guidance")) {
        JsonNode c = o.get("class_guidance");
        sampling.classGuidance =
            new ClassifierFreeGuidance(
                c.get(0).asDouble(), c.get(1).asDouble(), c.get(2).asDouble(), c.get(3).asDouble());
      }
      return sampling;
    }

    private static Guidance guidance(JsonNode o) {
      List<ScheduledGuide> guides = new ArrayList<>();
      for (JsonNode guide : o.get("guides")) {
        JsonNode c = guide.get("color");
        guides.add(
            new ScheduledGuide(
                guide.get("name").textValue(),
                new ColorGuide(c.get(0).asDouble(), c.get(1).asDouble(), c.get(2).asDouble()),
                new GuideWeight(
                    guide.get("scale").doubleValue(),
                    GuideSchedule.parse(guide.path("schedule").asText("constant")),
                    guide.path("from").asDouble(0),
                    guide.path("until").asDouble(1),
                    1)));
      }
      GradientMode mode = GradientMode.parse(o.get("gradient").textValue());
      JsonNode clamp = o.get("clamp");
      return clamp.isNull()
          ? Guidance.of(guides, mode)
          : Guidance.of(guides, mode)
              .withClamp(
                  new GradientClamp(
                      GradientClamp.Kind.valueOf(clamp.get(0).textValue().toUpperCase()),
                      clamp.get(1).doubleValue()));
    }
  }
}
