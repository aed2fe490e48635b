package dev.sfumato.bench;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.checkpoint.LoraOptions;
import dev.sfumato.clip.ClipConfig;
import dev.sfumato.clip.ClipModel;
import dev.sfumato.clip.ClipNetwork;
import dev.sfumato.clip.ClipTokenizer;
import dev.sfumato.clip.ImagePreprocessing;
import dev.sfumato.data.BatchOptions;
import dev.sfumato.data.BatchStream;
import dev.sfumato.data.Batches;
import dev.sfumato.data.DataOptions;
import dev.sfumato.data.Datasets;
import dev.sfumato.guidance.ClipGuide;
import dev.sfumato.guidance.ClipPrompts;
import dev.sfumato.guidance.ColorGuide;
import dev.sfumato.guidance.Conditioning;
import dev.sfumato.guidance.CourseCutouts;
import dev.sfumato.guidance.GradientMode;
import dev.sfumato.guidance.Guidance;
import dev.sfumato.guidance.Guide;
import dev.sfumato.guidance.ScheduledGuide;
import dev.sfumato.io.JsonFile;
import dev.sfumato.model.ClassConditionedUNet;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.model.Presets;
import dev.sfumato.model.UNet2DConfig;
import dev.sfumato.nn.Activation;
import dev.sfumato.picture.Resize;
import dev.sfumato.pipeline.LoadingOptions;
import dev.sfumato.pipeline.StableDiffusionPipeline;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.Start;
import dev.sfumato.scheduler.BetaSchedule;
import dev.sfumato.scheduler.Scheduler;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import dev.sfumato.training.DenoisingLoss;
import dev.sfumato.training.LatentCache;
import dev.sfumato.training.Objective;
import dev.sfumato.training.Optimizer;
import dev.sfumato.training.Trainer;
import dev.sfumato.training.TrainingOptions;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * The Sfumato side of the benches, driven by lines of JSON as {@code peer.py} is: {@code {"run":
 * "train-step", "steps": 3}} answers {@code {"seconds": [...]}}, {@code {"exit": true}} answers the
 * peak of resident memory. A card answers the mean of the sampling steps.
 */
public final class Peer {
  static final Device DEVICE = Device.parse(setting("BENCH_DEVICE", "cpu"));
  private static final Precision PRECISION = Precision.parse(setting("BENCH_PRECISION", "fp32"));
  private static final SchedulerConfig COSINE =
      SchedulerConfig.ddpmDefaults().withBetaSchedule(BetaSchedule.SQUAREDCOS_CAP_V2);

  private final Map<String, IntFunction<double[]>> made = new HashMap<>();

  private Peer() {}

  private static String setting(String variable, String otherwise) {
    return Objects.requireNonNullElse(System.getenv(variable), otherwise);
  }

  /** Serves until told to exit. */
  public static void main(String[] args) throws IOException {
    Peer peer = new Peer();
    BufferedReader commands =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = commands.readLine(); line != null; line = commands.readLine()) {
      JsonNode command = JsonFile.MAPPER.readTree(line);
      if (command.has("exit")) {
        break;
      }
      double[] seconds =
          peer.made
              .computeIfAbsent(command.get("run").asText(), Peer::make)
              .apply(command.get("steps").asInt());
      answer(Map.of("seconds", seconds));
    }
    answer(Map.of("peak_rss_mb", peakResidentMegabytes()));
  }

  private static void answer(Map<String, ?> answer) throws IOException {
    System.out.println(JsonFile.MAPPER.writeValueAsString(answer));
  }

  private static double peakResidentMegabytes() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith("VmHWM:"))
        .mapToDouble(line -> Double.parseDouble(line.replaceAll("\\D", "")) / 1024)
        .findFirst()
        .orElse(Double.NaN);
  }

  private static IntFunction<double[]> make(String name) {
    return switch (name) {
      case "train-step" -> trainStep();
      case "sample-step" -> sampleStep(mnist(), COSINE, 80, 28);
      case "finetune-step" -> finetuneStep(2, 2, false);
      case "finetune-step-16" -> finetuneStep(1, 16, false);
      case "finetune-step-checkpointed" -> finetuneStep(2, 2, true);
      case "faces-step" -> facesStep();
      case "data-epoch" -> dataEpoch();
      case "celeba-step" -> sampleStep(celebahq(), SchedulerConfig.ddpmDefaults(), 1, 256);
      case "celeba-step-16" -> sampleStep(celebahq(), SchedulerConfig.ddpmDefaults(), 16, 256);
      case "color-shortcut" -> colorStep(GradientMode.SHORTCUT);
      case "clip-step" -> clipStep();
      case "color-exact" -> colorStep(GradientMode.EXACT);
      case "text-step" -> TextSteps.sampling(256, true, PRECISION);
      case "text-step-bf16" -> TextSteps.sampling(256, true, Precision.BF16);
      case "text-step-512" -> TextSteps.sampling(512, false, PRECISION);
      case "decode-512" -> TextSteps.decoding(512);
      case "text-color-shortcut" -> TextSteps.steered(256);
      case "encode-256" -> TextSteps.encoding(256);
      case "cache-picture" -> cachePicture();
      case "lora-step" -> learningStep(256, true);
      case "lora-step-512" -> learningStep(512, true);
      case "text-finetune-step" -> learningStep(256, false);
      default -> throw new IllegalArgumentException(name);
    };
  }

  private static ClassConditionedUNet mnist() {
    UNet2DConfig config =
        Presets.named("mnist")
            .with("sample_size", 28)
            .with("in_channels", 5)
            .with("out_channels", 1);
    return filled(
        new ClassConditionedUNet(
            config, new ClassConditioning(ClassConditioning.Type.CHANNELS, 10, 4)));
  }

  private static ClassConditionedUNet celebahq() {
    return filled(
        new ClassConditionedUNet(
            Presets.named("ddpm-256").with("sample_size", 256), ClassConditioning.NONE));
  }

  private static ClassConditionedUNet filled(ClassConditionedUNet denoiser) {
    try (Rng rng = new Rng(0)) {
      denoiser.reset(rng);
    }
    denoiser.to(DEVICE);
    denoiser.precision(PRECISION);
    return denoiser;
  }

  private static IntFunction<double[]> trainStep() {
    Batches batches = new Batches(new Noise(12_800, 1, 28), new BatchOptions(128, true, false, 0));
    return trainerSteps(mnist(), COSINE, batches, options(1, Optimizer.Settings.adam(), 1e-3));
  }

  private static IntFunction<double[]> finetuneStep(int batches, int size, boolean checkpointing) {
    Batches batch = new Batches(new Noise(1_000, 3, 256), new BatchOptions(size, true, true, 0));
    ClassConditionedUNet denoiser = celebahq();
    denoiser.checkpointing(checkpointing);
    TrainingOptions options = options(batches, Optimizer.Settings.adamW(), 1e-5);
    return trainerSteps(denoiser, SchedulerConfig.ddpmDefaults(), batch, options);
  }

  /** The preset faces-32 at twice its side. */
  private static IntFunction<double[]> facesStep() {
    UNet2DConfig config =
        Presets.named("faces-32")
            .with("sample_size", 64)
            .with("in_channels", 3)
            .with("out_channels", 3);
    Batches batches = new Batches(new Noise(1_280, 3, 64), new BatchOptions(128, true, false, 0));
    TrainingOptions options = options(1, Optimizer.Settings.adamW(), 1e-4);
    return trainerSteps(
        filled(new ClassConditionedUNet(config, ClassConditioning.NONE)), COSINE, batches, options);
  }

  /**
   * A step of a text-to-image model: of a LoRA, or of the whole U-Net with checkpointing. The first
   * step, which is not timed, fills the caches of latents and texts.
   */
  private static IntFunction<double[]> learningStep(int side, boolean lora) {
    LoadingOptions loading = LoadingOptions.DEFAULT.withCompactWeights();
    StableDiffusionPipeline pipeline =
        StableDiffusionPipeline.load(
            Path.of(System.getenv("BENCH_TEXT_MODEL")),
            lora ? loading.withPrecision(PRECISION) : loading);
    if (side <= 256) {
      pipeline.network().widenWithinMemory(); // as `finetune` does
    }
    pipeline.to(DEVICE);
    pipeline.precision(PRECISION);
    if (lora) {
      pipeline.newLora(LoraOptions.defaults(), false, 0);
    } else {
      pipeline.network().parameters().values().forEach(weight -> weight.requiresGrad(true));
      pipeline.checkpointing(true);
    }
    return trainerSteps(
        new DenoisingLoss(pipeline, Objective.defaults(), LatentCache.MEMORY),
        new Batches(new Noise(1, 3, side), new BatchOptions(1, true, true, 0)),
        options(1, Optimizer.Settings.adamW(), 1e-4).withMaxGradNorm(1));
  }

  /** The first epoch of a training, batch 1, whose U-Net is too small to count. */
  private static IntFunction<double[]> cachePicture() {
    DataOptions options =
        DataOptions.defaults()
            .withResolution(256)
            .withCenterCrop(true)
            .withTexts(DataOptions.Texts.OPTIONAL.withRequired(true));
    return trainerSteps(
        TextSteps.caching(),
        new Batches(
            Datasets.open(System.getenv("BENCH_PICTURES"), options),
            new BatchOptions(1, false, false, 0),
            2),
        options(1, Optimizer.Settings.adamW(), 1e-4));
  }

  private static TrainingOptions options(int accumulation, Optimizer.Settings adam, double rate) {
    return TrainingOptions.defaults()
        .withEpochs(1_000_000)
        .withGradientAccumulationSteps(accumulation)
        .withOptimizer(adam)
        .withLearningRate(rate)
        .withMaxGradNorm(0);
  }

  /** Whole steps of the trainer, its data pipeline included. */
  private static IntFunction<double[]> trainerSteps(
      ClassConditionedUNet denoiser,
      SchedulerConfig scheduler,
      Batches batches,
      TrainingOptions options) {
    return trainerSteps(
        new DenoisingLoss(denoiser, scheduler, Objective.defaults()), batches, options);
  }

  private static IntFunction<double[]> trainerSteps(
      DenoisingLoss loss, Batches batches, TrainingOptions options) {
    Trainer trainer = new Trainer(loss, batches, options);
    return steps -> IntStream.range(0, steps).mapToDouble(i -> trainer.step().seconds()).toArray();
  }

  /** Four pictures guided by a ViT-B-32, four cuts each, as the course takes the step. */
  private static IntFunction<double[]> clipStep() {
    ClipConfig.Transformer vision =
        new ClipConfig.Transformer(768, 12, 12, 3072, Activation.QUICK_GELU, 1e-5);
    ClipConfig.Transformer text =
        new ClipConfig.Transformer(512, 12, 8, 2048, Activation.QUICK_GELU, 1e-5);
    ClipNetwork network =
        new ClipNetwork(
            new ClipConfig(
                512,
                new ClipConfig.Vit(224, 32, vision, ClipConfig.ImagePool.CLASS_TOKEN, true, false),
                new ClipConfig.Text(77, 49408, text, true, ClipConfig.TextPool.LARGEST)));
    try (Rng rng = new Rng(0)) {
      network.reset(rng);
    }
    List<Float> halves = List.of(0.5f, 0.5f, 0.5f);
    ClipModel clip =
        new ClipModel(
            network,
            ClipTokenizer.openClip(),
            new ImagePreprocessing(224, 224, false, false, Resize.Filter.BICUBIC, halves, halves));
    Guide rose = new ClipGuide(clip, new CourseCutouts(4), ClipPrompts.ofTexts(clip, "a red rose"));
    Guidance guidance =
        Guidance.of(List.of(ScheduledGuide.of("clip", rose, 8)), GradientMode.SHORTCUT);
    Scheduler ddim = Scheduler.of(SchedulerConfig.ddpmDefaults().withClassName("ddim"));
    ClassConditionedUNet denoiser = celebahq();
    return sampleStep(denoiser, new Sampler(denoiser, ddim).withGuidance(guidance), 4, 256);
  }

  /** Guided by 40 towards the course's teal. */
  private static IntFunction<double[]> colorStep(GradientMode mode) {
    Guide teal = new ColorGuide(0.1, 0.9, 0.5);
    Guidance guidance = Guidance.of(List.of(ScheduledGuide.of("color", teal, 40)), mode);
    Scheduler ddim = Scheduler.of(SchedulerConfig.ddpmDefaults().withClassName("ddim"));
    ClassConditionedUNet network = celebahq();
    return sampleStep(network, new Sampler(network, ddim).withGuidance(guidance), 1, 256);
  }

  /** Epochs of the data pipeline alone; every picture is decoded in each, by two threads. */
  private static IntFunction<double[]> dataEpoch() {
    DataOptions options = DataOptions.defaults().withResolution(256).withCacheMegabytes(0);
    Batches batches =
        new Batches(
            Datasets.open(System.getenv("BENCH_PICTURES"), options),
            new BatchOptions(16, true, true, 0),
            2);
    int[] epoch = {0};
    return steps ->
        IntStream.range(0, steps)
            .mapToDouble(
                i -> {
                  long start = System.nanoTime();
                  try (BatchStream stream = batches.epoch(epoch[0]++).from(0)) {
                    while (stream.hasNext()) {
                      try (Scope scope = Scope.open()) {
                        stream.next();
                      }
                    }
                  }
                  return (System.nanoTime() - start) / 1e9;
                })
            .toArray();
  }

  private static IntFunction<double[]> sampleStep(
      ClassConditionedUNet denoiser, SchedulerConfig config, int count, int size) {
    return sampleStep(denoiser, new Sampler(denoiser, Scheduler.of(config)), count, size);
  }

  private static IntFunction<double[]> sampleStep(
      ClassConditionedUNet denoiser, Sampler sampler, int count, int size) {
    long[] labels = LongStream.range(0, denoiser.conditioning().numClasses()).toArray();
    int onCpu = Math.max(1, 256 * 256 / (size * size)); // as the command does
    int together = DEVICE.isCpu() ? onCpu : count;
    return steps -> {
      try (Scope scope = Scope.open();
          Rng rng = new Rng(0)) {
        StepClock clock = new StepClock();
        Tensor pictures =
            sampler
                .withConditioning(Conditioning.of(denoiser.given(labels, count)))
                .withBatchSize(together)
                .sample(Start.noise(count, denoiser.channels(), size, size), steps, rng, clock);
        return clock.seconds(pictures, steps);
      }
    };
  }
}
