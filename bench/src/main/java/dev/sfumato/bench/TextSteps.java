package dev.sfumato.bench;

import dev.sfumato.checkpoint.TextEncoderFile;
import dev.sfumato.guidance.ClassifierFreeGuidance;
import dev.sfumato.guidance.ColorGuide;
import dev.sfumato.guidance.Conditioning;
import dev.sfumato.guidance.GradientMode;
import dev.sfumato.guidance.Guidance;
import dev.sfumato.guidance.ScheduledGuide;
import dev.sfumato.model.AutoencoderKL;
import dev.sfumato.model.AutoencoderKLConfig;
import dev.sfumato.model.Condition;
import dev.sfumato.model.LatentDenoiser;
import dev.sfumato.model.LatentSpace;
import dev.sfumato.model.UNet2DConditionConfig;
import dev.sfumato.model.UNet2DConditionModel;
import dev.sfumato.nn.Module;
import dev.sfumato.nn.Weights;
import dev.sfumato.pipeline.StableDiffusionPipeline;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.Start;
import dev.sfumato.scheduler.Scheduler;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import dev.sfumato.training.DenoisingLoss;
import dev.sfumato.training.LatentCache;
import dev.sfumato.training.Objective;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/** Steps of networks of the shape of Stable Diffusion 1.5, with random weights. */
final class TextSteps {
  private static final double SCALE = 7.5;
  private static final SchedulerConfig DDIM = SchedulerConfig.ddpmDefaults().withClassName("ddim");

  private TextSteps() {}

  private static UNet2DConditionModel unet(Precision precision) {
    return loaded(
        new UNet2DConditionModel(UNet2DConditionConfig.of(Map.of("cross_attention_dim", 768))),
        "unet",
        precision);
  }

  private static AutoencoderKL autoencoder() {
    return loaded(
        new AutoencoderKL(
            AutoencoderKLConfig.of(
                Map.of(
                    "block_out_channels", List.of(128, 256, 512, 512),
                    "layers_per_block", 2,
                    "down_block_types", Collections.nCopies(4, "DownEncoderBlock2D"),
                    "up_block_types", Collections.nCopies(4, "UpDecoderBlock2D")))),
        "decoder",
        Precision.FP32);
  }

  private static <T extends Module> T loaded(T network, String part, Precision precision) {
    try (Scope scope = Scope.open()) {
      Path folder = Path.of(System.getenv("BENCH_TEXT_MODEL"), part);
      network.load(Weights.in(folder, "diffusion_pytorch_model"), precision);
    }
    network.trainable().forEach(weight -> weight.requiresGrad(false));
    network.to(Peer.DEVICE);
    return network;
  }

  /** Sampling steps of one picture, with classifier-free guidance if asked for. */
  static IntFunction<double[]> sampling(int side, boolean guided, Precision precision) {
    UNet2DConditionModel unet = unet(precision);
    unet.widenWithinMemory(); // as when a model is loaded to draw without guides
    return steps(unet, new Sampler(new LatentDenoiser(unet), Scheduler.of(DDIM)), side, guided);
  }

  /** Steps steered towards a colour through the decoder. */
  static IntFunction<double[]> steered(int side) {
    UNet2DConditionModel unet = unet(Precision.FP32);
    Guidance teal =
        Guidance.of(
            List.of(ScheduledGuide.of("color", new ColorGuide(0.1, 0.9, 0.5), 40)),
            GradientMode.SHORTCUT);
    Sampler sampler =
        new Sampler(new LatentDenoiser(unet), Scheduler.of(DDIM))
            .withSpace(new LatentSpace(autoencoder(), false))
            .withGuidance(teal);
    return steps(unet, sampler, side, false);
  }

  private static IntFunction<double[]> steps(
      UNet2DConditionModel unet, Sampler sampler, int side, boolean guided) {
    return steps -> {
      try (Scope scope = Scope.open();
          Rng random = new Rng(0)) {
        Condition given = text(unet, random);
        Condition missing = text(unet, random);
        Conditioning conditioning =
            guided
                ? new Conditioning(given, Optional.of(missing), ClassifierFreeGuidance.of(SCALE))
                : Conditioning.of(given);
        StepClock clock = new StepClock();
        Tensor latents =
            sampler
                .withConditioning(conditioning)
                .samples(Start.noise(1, 4, side / 8, side / 8), 1, steps, random, clock);
        return clock.seconds(latents, steps);
      }
    };
  }

  private static Condition text(UNet2DConditionModel unet, Rng random) {
    try (Autograd.Recording off = Autograd.off()) {
      return unet.prepare(Condition.NONE.withTokens(random.normal(1, 77, 768).to(Peer.DEVICE)));
    }
  }

  /** Encodes one picture. */
  static IntFunction<double[]> encoding(int side) {
    AutoencoderKL autoencoder = autoencoder();
    return timed(random -> autoencoder.encode(random.normal(1, 3, side, side)));
  }

  /** The loss of a small U-Net that learns from pictures and captions, which are encoded once. */
  static DenoisingLoss caching() {
    UNet2DConditionModel unet =
        new UNet2DConditionModel(
            UNet2DConditionConfig.of(
                Map.of(
                    "sample_size",
                    32,
                    "cross_attention_dim",
                    768,
                    "block_out_channels",
                    List.of(32, 32),
                    "layers_per_block",
                    1,
                    "down_block_types",
                    List.of("DownBlock2D", "CrossAttnDownBlock2D"),
                    "up_block_types",
                    List.of("CrossAttnUpBlock2D", "UpBlock2D"))));
    try (Rng random = new Rng(0)) {
      unet.reset(random);
    }
    return new DenoisingLoss(
        StableDiffusionPipeline.of(
            unet,
            autoencoder(),
            TextEncoderFile.load(Path.of(System.getenv("BENCH_TEXT_MODEL"), "reader")),
            SchedulerConfig.ddpmDefaults()),
        Objective.defaults().withCaptionDropout(0),
        LatentCache.MEMORY);
  }

  /** Decodes one picture. */
  static IntFunction<double[]> decoding(int side) {
    LatentSpace space = new LatentSpace(autoencoder(), false);
    return timed(random -> space.decode(random.normal(1, 4, side / 8, side / 8)));
  }

  private static IntFunction<double[]> timed(Consumer<Rng> action) {
    return steps ->
        IntStream.range(0, steps)
            .mapToDouble(
                i -> {
                  long start = System.nanoTime();
                  try (Scope scope = Scope.open();
                      Autograd.Recording off = Autograd.off();
                      Rng random = new Rng(0)) {
                    action.accept(random);
                  }
                  return (System.nanoTime() - start) / 1e9;
                })
            .toArray();
  }
}
