package dev.sfumato.cli;

import dev.sfumato.SfumatoException;
import dev.sfumato.clip.ClipModel;
import dev.sfumato.evaluation.PictureClassifier;
import dev.sfumato.guidance.BrightnessGuide;
import dev.sfumato.guidance.ClassGuide;
import dev.sfumato.guidance.ClipGuide;
import dev.sfumato.guidance.ClipPrompts;
import dev.sfumato.guidance.ColorGuide;
import dev.sfumato.guidance.ContrastGuide;
import dev.sfumato.guidance.CourseCutouts;
import dev.sfumato.guidance.Cutouts;
import dev.sfumato.guidance.Guide;
import dev.sfumato.guidance.GuideSchedule;
import dev.sfumato.guidance.OversaturationGuide;
import dev.sfumato.guidance.PowerLawCutouts;
import dev.sfumato.guidance.RangeGuide;
import dev.sfumato.guidance.ReferenceGuide;
import dev.sfumato.guidance.SaturationGuide;
import dev.sfumato.guidance.ScheduledGuide;
import dev.sfumato.guidance.SymmetryGuide;
import dev.sfumato.guidance.TotalVariationGuide;
import dev.sfumato.picture.PictureReader;
import dev.sfumato.picture.Pixels;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Function;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** One {@code --guide} and the options after it, which belong to it. */
final class GuideArguments {
  static final String GUIDE = "--guide";

  @Option(
      names = GUIDE,
      paramLabel = "KIND=VALUE",
      description = {
        "What the pictures should be like; may be said several times:",
        "color=#1ae680 or color=0.1,0.9,0.5",
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
      description = "What the guide's loss is multiplied by (default: 40).")
  double scale = 40;

  @Option(
      names = "--schedule",
      paramLabel = "NAME|FILE",
      description =
          "Weight over time: constant, sqrt_one_minus_alpha_cumprod, linear_up, linear_down, or a"
              + " file of numbers, one per step (default: constant).")
  String schedule = "constant";

  @Option(
      names = "--from",
      paramLabel = "F",
      description = "Part of the run from which on the guide acts, 0 to 1 (default: 0).")
  double from = 0;

  @Option(
      names = "--until",
      paramLabel = "F",
      description = "Part of the run before which the guide acts, 0 to 1 (default: 1).")
  double until = 1;

  @Option(
      names = "--clip",
      paramLabel = "DIR|ID",
      description =
          "For clip= and clip-image=: the CLIP model, as for the clip command. Guides of one model"
              + " with equal cuts share them.")
  String clip;

  @Option(
      names = "--cuts",
      paramLabel = "N",
      description = "Random parts of the pictures that CLIP is shown at each step (default: 4).")
  int cuts = 4;

  @Option(
      names = "--cut-power",
      paramLabel = "P",
      description =
          "Cuts as in Disco Diffusion, sizes drawn by u^P (default: as in the Hugging Face course).")
  Double cutPower;

  @Option(
      names = "--cut-overview",
      paramLabel = "F[:F]",
      description =
          "With --cut-power: share of the cuts that show the whole picture, 0 to 1, at the first and"
              + " at the last step (default: 0.25).")
  String cutOverview;

  @Option(
      names = "--clip-temperature",
      paramLabel = "T",
      description =
          "For clip= with several texts: they compete in a softmax (default: distances are added).")
  Double clipTemperature;

  @Option(
      names = "--clip-layers",
      split = ",",
      paramLabel = "L",
      description =
          "For clip-image=: also compares these layers of the encoder, 0 the first, -1 the last.")
  List<Integer> clipLayers = List.of();

  @Option(
      names = "--classifier",
      paramLabel = "DIR",
      description =
          "For class=: what reads classes (default: the classifier of digits that ships).")
  Path classifier;

  @Option(
      names = "--low-pass",
      paramLabel = "N",
      description =
          "For reference=: compares means over N x N pixels, the coarse layout (default: 1).")
  int lowPass = 1;

  /** What the guide is called in messages and traces. */
  String kind() {
    return guide.split("=", 2)[0];
  }

  /**
   * Reads the options, and gives what makes the guide of pictures and classifiers yet to be loaded.
   *
   * @throws SfumatoException if a value is wrong
   */
  Function<GuideSources, ScheduledGuide> scheduled(String name, CommandSpec command) {
    Function<GuideSources, Guide> maker = guide(command);
    ScheduledGuide checked =
        new ScheduledGuide(
            name, (x0, at) -> x0.mean(), scale, GuideSchedule.parse(schedule), from, until);
    return sources -> checked.withGuide(maker.apply(sources));
  }

  private Function<GuideSources, Guide> guide(CommandSpec command) {
    return switch (kind()) {
      case "color" -> ready(ColorGuide.parse(value()));
      case "brightness" -> ready(new BrightnessGuide(number()));
      case "contrast" -> ready(new ContrastGuide(number()));
      case "saturation" -> ready(new SaturationGuide(number()));
      case "symmetry" -> ready(SymmetryGuide.parse(value()));
      case "clip", "clip-image" -> clip(command);
      case "reference" -> reference(Path.of(value()));
      case "class" -> ofClass(value(), command);
      case "tv" -> ready(new TotalVariationGuide());
      case "range" -> ready(new RangeGuide());
      case "oversaturation" -> ready(new OversaturationGuide());
      default ->
          throw new SfumatoException(
              "guide '"
                  + kind()
                  + "' is unknown: use color, clip, clip-image, brightness, contrast, saturation, symmetry,"
                  + " reference, class, tv, range or oversaturation");
    };
  }

  private static Function<GuideSources, Guide> ready(Guide guide) {
    return sources -> guide;
  }

  private Function<GuideSources, Guide> reference(Path file) {
    return sources -> new ReferenceGuide(sources.fitted(file), lowPass);
  }

  private Function<GuideSources, Guide> clip(CommandSpec command) {
    String what = value();
    if (clip == null) {
      throw new SfumatoException("guide " + kind() + " needs a CLIP model: say --clip DIR|ID");
    }
    boolean texts = kind().equals("clip");
    if (texts && !clipLayers.isEmpty()) {
      throw new SfumatoException("--clip-layers compares pictures: use clip-image=FILE");
    }
    if (!texts && clipTemperature != null) {
      throw new SfumatoException("--clip-temperature is for texts that compete: use clip=");
    }
    Cutouts cutouts = cutouts();
    OptionalDouble temperature =
        clipTemperature == null ? OptionalDouble.empty() : OptionalDouble.of(clipTemperature);
    return sources -> {
      ClipModel model = sources.clip(clip);
      Optional<Pixels> picture =
          texts ? Optional.empty() : Optional.of(PictureReader.read(Path.of(what)));
      return WrongCall.checked(
          command,
          () ->
              new ClipGuide(
                  model,
                  cutouts,
                  picture
                      .map(pixels -> ClipPrompts.ofPicture(model, pixels, clipLayers))
                      .orElseGet(() -> ClipPrompts.ofTexts(model, what)),
                  temperature));
    };
  }

  private Cutouts cutouts() {
    if (cutPower == null) {
      if (cutOverview != null) {
        throw new SfumatoException("--cut-overview needs --cut-power");
      }
      return new CourseCutouts(cuts);
    }
    String[] overview = (cutOverview == null ? "0.25" : cutOverview).split(":", 2);
    try {
      return new PowerLawCutouts(
          cuts,
          cutPower,
          Double.parseDouble(overview[0]),
          Double.parseDouble(overview[overview.length - 1]));
    } catch (NumberFormatException e) {
      throw new SfumatoException("cut-overview '" + cutOverview + "' is neither F nor F:F", e);
    }
  }

  private Function<GuideSources, Guide> ofClass(String words, CommandSpec command) {
    return sources -> {
      PictureClassifier reader = sources.classifier(classifier);
      return WrongCall.checked(command, () -> new ClassGuide(reader::logits, reader.labels(words)));
    };
  }

  // ---- the value

  private String value() {
    String[] parts = guide.split("=", 2);
    if (parts.length < 2 || parts[1].isEmpty()) {
      throw new SfumatoException("guide " + kind() + " needs a value: " + kind() + "=VALUE");
    }
    return parts[1];
  }

  private double number() {
    try {
      return Double.parseDouble(value());
    } catch (NumberFormatException e) {
      throw new SfumatoException(kind() + " '" + value() + "' is not a number", e);
    }
  }
}
