package dev.sfumato.bench;

import dev.sfumato.guidance.ColorGuide;
import dev.sfumato.guidance.Conditioning;
import dev.sfumato.guidance.GradientMode;
import dev.sfumato.guidance.Guidance;
import dev.sfumato.guidance.ScheduledGuide;
import dev.sfumato.model.AutoencoderKL;
import dev.sfumato.model.AutoencoderKLConfig;
import dev.sfumato.model.AutoencoderTiny;
import dev.sfumato.model.AutoencoderTinyConfig;
import dev.sfumato.model.Condition;
import dev.sfumato.model.LatentDenoiser;
import dev.sfumato.model.LatentSpace;
import dev.sfumato.model.UNet2DConditionConfig;
import dev.sfumato.model.UNet2DConditionModel;
import dev.sfumato.nn.Module;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.Start;
import dev.sfumato.scheduler.Scheduler;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/**
 * One guided step through U-Net and decoder, and its peak of resident memory in MB; {@code
 * guide_memory.py} calls it with the picture's side, {@code plain}, {@code shortcut} or {@code
 * exact}, {@code kept} or {@code again} (checkpointing), and {@code vae} or {@code tiny}.
 */
public final class GuideMemory {
  /** Half the width of Stable Diffusion 1. */
  private static final UNet2DConditionConfig UNET =
      UNet2DConditionConfig.of(
          Map.of("block_out_channels", List.of(160, 320, 640, 640), "cross_attention_dim", 768));

  /** Half the width of its autoencoder. */
  private static final AutoencoderKLConfig VAE =
      AutoencoderKLConfig.of(
          Map.of(
              "block_out_channels", List.of(64, 128, 256, 256),
              "layers_per_block", 2,
              "down_block_types", Collections.nCopies(4, "DownEncoderBlock2D"),
              "up_block_types", Collections.nCopies(4, "UpDecoderBlock2D")));

  private GuideMemory() {}

  /** Draws one step and prints the peak. */
  public static void main(String[] args) throws IOException {
    int side = Integer.parseInt(args[0]);
    boolean again = args[2].equals("again");
    try (Rng random = new Rng(0);
        UNet2DConditionModel unet = filled(new UNet2DConditionModel(UNET), random, again);
        AutoencoderKL vae = filled(new AutoencoderKL(VAE), random, again);
        AutoencoderTiny tiny =
            filled(new AutoencoderTiny(AutoencoderTinyConfig.of(Map.of())), random, again);
        Scope scope = Scope.open()) {
      Guidance guidance = guidance(args[1]);
      Tensor tokens = random.normal(1, 77, 768);
      new Sampler(new LatentDenoiser(unet), Scheduler.of(SchedulerConfig.ddpmDefaults()))
          .withSpace(new LatentSpace(vae, false))
          .withConditioning(Conditioning.of(Condition.NONE.withTokens(tokens)))
          .withGuidance(args[3].equals("tiny") ? guidance.withDecoder(tiny) : guidance)
          .samples(Start.noise(1, 4, side / 8, side / 8), 1, 1, random, Sampler.Listener.NONE);
    }
    System.out.println(peak());
  }

  private static <T extends Module> T filled(T network, Rng random, boolean again) {
    network.reset(random);
    network.trainable().forEach(weight -> weight.requiresGrad(false));
    network.checkpointing(again);
    return network;
  }

  private static Guidance guidance(String gradient) {
    return gradient.equals("plain")
        ? Guidance.NONE
        : Guidance.of(
            List.of(ScheduledGuide.of("color", ColorGuide.parse("teal"), 40)),
            GradientMode.parse(gradient));
  }

  private static long peak() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith("VmHWM:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) / 1024)
        .findFirst()
        .orElseThrow();
  }
}
