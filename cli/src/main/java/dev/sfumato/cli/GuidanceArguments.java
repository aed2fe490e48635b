package dev.sfumato.cli;

import dev.sfumato.SfumatoException;
import dev.sfumato.evaluation.PictureClassifier;
import dev.sfumato.guidance.GradientClamp;
import dev.sfumato.guidance.GradientMode;
import dev.sfumato.guidance.Guidance;
import dev.sfumato.guidance.GuidanceRule;
import dev.sfumato.guidance.GuideSpec;
import dev.sfumato.guidance.MeanGuidance;
import dev.sfumato.model.AutoencoderTiny;
import dev.sfumato.sampling.SamplingOptions;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Options for steering a sampling. */
final class GuidanceArguments {
  private static final Set<String> OF_A_GUIDE =
      Set.of(
          "--scale",
          "--schedule",
          "--from",
          "--until",
          "--every",
          "--clip",
          "--cuts",
          "--cut-power",
          "--cut-overview",
          "--cut-pool",
          "--clip-temperature",
          "--clip-layers",
          "--classifier",
          "--low-pass");

  @ArgGroup(exclusive = false, multiplicity = "0..*")
  List<GuideArguments> guides = new ArrayList<>(); // the parser adds to it

  @Option(
      names = "--gradient",
      paramLabel = "shortcut|exact",
      defaultValue = "shortcut",
      description =
          "Path of the guides' gradient: it stops before the network, or goes through it at"
              + " two to three times the time and with the memory of training (default:"
              + " ${DEFAULT-VALUE}).")
  GradientMode gradient;

  @Option(
      names = "--guidance-rule",
      paramLabel = "plain|clip_guided",
      defaultValue = "plain",
      description =
          "What guides see and move: the predicted picture and the noisy one, or as in diffusers'"
              + " community pipeline for CLIP guidance, a blend and the predicted noise (default:"
              + " ${DEFAULT-VALUE}).")
  GuidanceRule rule;

  @Option(
      names = "--guide-vae",
      paramLabel = "DIR|ID",
      description =
          "With a latent model: a small autoencoder (TAESD, AutoencoderTiny) that decodes for the"
              + " guides at little cost; the pictures are still decoded by the model's own.")
  String guideVae;

  @Option(
      names = "--gradient-checkpointing",
      description =
          "Compute layers again for the guides' gradient instead of keeping them: less memory, more"
              + " time.")
  boolean checkpointing;

  @Option(
      names = "--guidance-clamp",
      paramLabel = "X|value:X",
      description =
          "Limit of the gradient: of each picture's root mean square, or of each value (default:"
              + " none).")
  String clamp;

  @Option(
      names = "--recurrence",
      paramLabel = "N",
      defaultValue = "1",
      description =
          "Repeat each step N times, with fresh noise between; with --mask and a model of pixels this is"
              + " RePaint's resampling (default: ${DEFAULT-VALUE}).")
  int recurrence;

  @Option(
      names = "--backward-steps",
      paramLabel = "M",
      defaultValue = "0",
      description =
          "Steps of descent on the predicted picture itself, without the network (default:"
              + " ${DEFAULT-VALUE}).")
  int backwardSteps;

  @Option(
      names = "--backward-scale",
      paramLabel = "S",
      defaultValue = "1",
      description =
          "Length of a descent step, times the guide's scale (default: ${DEFAULT-VALUE}).")
  double backwardScale;

  @Option(
      names = "--backward",
      paramLabel = "universal|tfg",
      defaultValue = "universal",
      description =
          "Target of a descent step: the noise (Universal Guidance) or the picture (TFG) (default:"
              + " ${DEFAULT-VALUE}).")
  MeanGuidance.Kind backward;

  @Option(
      names = "--smoothing-samples",
      paramLabel = "N",
      defaultValue = "0",
      description =
          "Show guides N noisy copies of the predicted picture; 0: the picture itself (default:"
              + " ${DEFAULT-VALUE}).")
  int smoothingSamples;

  @Option(
      names = "--smoothing-gamma",
      paramLabel = "G",
      defaultValue = "1",
      description = "Noise of these copies (default: ${DEFAULT-VALUE}).")
  double smoothingGamma;

  @Spec(Spec.Target.MIXEE)
  CommandSpec command;

  /**
   * Returns {@code options} with all steering except the guides.
   *
   * @throws SfumatoException if a value is wrong
   */
  SamplingOptions guided(SamplingOptions options) {
    requireGuideBeforeItsOptions();
    for (GuideArguments guide : guides) {
      GuideSpec spec = guide.spec();
      if (!spec.kind().equals("class")) { // its classifier is loaded later
        spec.requireComplete();
      }
    }
    return options
        .withGuidance(
            Guidance.of(List.of(), gradient)
                .withRule(rule)
                .withRecurrence(recurrence)
                .withMeanGuidance(new MeanGuidance(backward, backwardSteps, backwardScale))
                .withClamp(clamp == null ? GradientClamp.NONE : GradientClamp.parse(clamp)))
        .withSmoothing(smoothingSamples, smoothingGamma);
  }

  /** Returns {@code options} with the guides and their decoder. */
  SamplingOptions withGuides(SamplingOptions options, GuideModels models) {
    SamplingOptions guided = options;
    if (guideVae != null) {
      AutoencoderTiny decoder = models.decoder(guideVae);
      decoder.checkpointing(checkpointing);
      guided = options.withGuidance(options.guidance().withDecoder(decoder));
    }
    for (GuideArguments guide : guides) {
      GuideSpec spec = guide.spec();
      guided =
          guided.withGuide(
              spec.kind().equals("class")
                  ? withClassifier(spec, models.classifier(guide.classifier))
                  : spec);
    }
    return guided;
  }

  private GuideSpec withClassifier(GuideSpec spec, PictureClassifier reader) {
    return WrongCall.checked(command, () -> spec.withClassifier(reader::logits, reader::labels));
  }

  /** Returns the names of the guides. */
  List<String> names() {
    return GuideSpec.names(guides.stream().map(GuideArguments::spec).toList());
  }

  /** Requires a guide before its options; the parser would also accept them before it. */
  private void requireGuideBeforeItsOptions() {
    Set<String> said = null;
    for (String word : command.root().commandLine().getParseResult().originalArgs()) {
      String option = word.split("=", 2)[0];
      if (option.equals(GuideArguments.GUIDE)) {
        said = new HashSet<>();
      } else if (OF_A_GUIDE.contains(option) && (said == null || !said.add(option))) {
        throw new SfumatoException(
            said == null
                ? option + " belongs to a --guide: give it after one"
                : option + " is given twice for one --guide");
      }
    }
  }
}
