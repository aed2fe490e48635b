package dev.sfumato.cli;

import dev.sfumato.SfumatoException;
import dev.sfumato.guidance.GuideSpec;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import picocli.CommandLine.Option;

/** One {@code --guide} and the options after it, which belong to it. */
final class GuideArguments {
  static final String GUIDE = "--guide";

  @Option(
      names = GUIDE,
      paramLabel = "KIND=VALUE",
      description = {
        "What the pictures should look like; can be given several times:",
        "color=green (or another CSS name), color=#1ae680 or color=0.1,0.9,0.5",
        "brightness=V, contrast=V, saturation=V with V from 0 to 1",
        "symmetry=horizontal|vertical",
        "clip=TEXT or clip=\"TEXT:WEIGHT|TEXT:WEIGHT\", clip-image=FILE (see --clip)",
        "reference=FILE (see --low-pass)",
        "class=CLASS[,CLASS...], by name or label from 0 (see --classifier)",
        "tv, range, oversaturation: smooth pictures, values within the range, as in Disco"
            + " Diffusion."
      })
  String guide;

  @Option(
      names = "--scale",
      paramLabel = "S",
      description = "Factor of the guide's loss (default: 40).")
  Double scale;

  @Option(
      names = "--schedule",
      paramLabel = "NAME|FILE",
      description =
          "Weight over time: constant, sqrt_one_minus_alpha_cumprod, sigma_squared, linear_up,"
              + " linear_down, or a file of numbers, one per step (default: constant).")
  String schedule;

  @Option(
      names = "--from",
      paramLabel = "F",
      description = "Start of the guide's action as a share of the run, 0 to 1 (default: 0).")
  Double from;

  @Option(
      names = "--until",
      paramLabel = "F",
      description = "End of the guide's action as a share of the run, 0 to 1 (default: 1).")
  Double until;

  @Option(
      names = "--every",
      paramLabel = "N",
      description = "Let the guide act at the first of each N steps only (default: 1).")
  Integer every;

  @Option(
      names = "--clip",
      paramLabel = "DIR|ID",
      description =
          "With clip= and clip-image=: the CLIP model, as for the clip command. Guides with"
              + " the same model and equal cuts share the cuts.")
  String clip;

  @Option(
      names = "--cuts",
      paramLabel = "N",
      description = "Random parts of the pictures to show to CLIP at each step (default: 4).")
  Integer cuts;

  @Option(
      names = "--cut-power",
      paramLabel = "P",
      description =
          "Cuts as in Disco Diffusion, sizes drawn by u^P (default: as in the Hugging Face"
              + " course).")
  Double cutPower;

  @Option(
      names = "--cut-overview",
      paramLabel = "F[:F]",
      description =
          "With --cut-power: share of the cuts that show the whole picture, 0 to 1, at the"
              + " first and"
              + " at the last step (default: 0.25).")
  String cutOverview;

  @Option(
      names = "--cut-pool",
      paramLabel = "P",
      description =
          "Cuts as in diffusers' community pipeline for CLIP guidance, averaged, sizes drawn by"
              + " u^P.")
  Double cutPool;

  @Option(
      names = "--clip-temperature",
      paramLabel = "T",
      description =
          "With several texts in clip=: let them compete in a softmax (default: distances are added).")
  Double clipTemperature;

  @Option(
      names = "--clip-layers",
      paramLabel = "L[,L...]",
      description =
          "With clip-image=: also compare these layers of the encoder, 0 the first, -1 the last.")
  String clipLayers;

  @Option(
      names = "--classifier",
      paramLabel = "DIR",
      description = "With class=: the classifier (default: the built-in one for digits).")
  Path classifier;

  @Option(
      names = "--low-pass",
      paramLabel = "N",
      description =
          "With reference=: compare means over N x N pixels, the coarse layout (default: 1).")
  Integer lowPass;

  /**
   * Returns the guide.
   *
   * @throws SfumatoException if a value is wrong
   */
  GuideSpec spec() {
    GuideSpec spec = GuideSpec.parse(guide);
    for (Map.Entry<String, Object> option : said().entrySet()) {
      spec = spec.with(option.getKey(), option.getValue());
    }
    if (classifier != null && !spec.kind().equals("class")) {
      throw new SfumatoException("--classifier is for class=");
    }
    return spec;
  }

  private Map<String, Object> said() {
    Map<String, Object> said = new LinkedHashMap<>();
    said.put("scale", scale);
    said.put("schedule", schedule);
    said.put("from", from);
    said.put("until", until);
    said.put("every", every);
    said.put("clip", clip);
    said.put("cuts", cuts);
    said.put("cut-power", cutPower);
    said.put("cut-overview", cutOverview);
    said.put("cut-pool", cutPool);
    said.put("clip-temperature", clipTemperature);
    said.put("clip-layers", clipLayers);
    said.put("low-pass", lowPass);
    said.values().removeIf(Objects::isNull);
    return said;
  }
}
