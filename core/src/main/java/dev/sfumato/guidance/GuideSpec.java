package dev.sfumato.guidance;

import dev.sfumato.NearNames;
import dev.sfumato.SfumatoException;
import dev.sfumato.clip.ClipModel;
import dev.sfumato.picture.PictureReader;
import dev.sfumato.picture.Pixels;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

/**
 * A guide as users write it, {@code color=#1ae680} or {@code clip=red hair}, with its options by
 * name. Everything that needs no loading is checked at once.
 *
 * <table>
 * <caption>Options</caption>
 * <tr><td>scale</td><td>the factor of the loss (40)</td></tr>
 * <tr><td>schedule</td><td>see {@link GuideSchedule#parse} (constant)</td></tr>
 * <tr><td>from, until</td><td>the part of the run, 0 to 1, in which it acts (0, 1)</td></tr>
 * <tr><td>every</td><td>acts at the first of each N steps (1)</td></tr>
 * <tr><td>clip</td><td>clip, clip-image: a CLIP model, a directory or a Hub id</td></tr>
 * <tr><td>cuts</td><td>clip, clip-image: random parts that CLIP sees at each step (4)</td></tr>
 * <tr><td>cut-power, cut-overview</td><td>clip, clip-image: see {@link PowerLawCutouts}</td></tr>
 * <tr><td>cut-pool</td><td>clip, clip-image: see {@link PooledCutouts}</td></tr>
 * <tr><td>clip-temperature</td><td>clip: several texts compete in a softmax</td></tr>
 * <tr><td>clip-layers</td><td>clip-image: layers to compare, with commas between</td></tr>
 * <tr><td>low-pass</td><td>reference: compares means over N x N pixels (1)</td></tr>
 * </table>
 *
 * <p>A CLIP model is loaded for each sampling and freed after it, because a pipeline does not keep
 * what one of its callers once asked for. A program that draws often loads the model itself, see
 * {@link #withClip}.
 *
 * <p>Immutable.
 */
public final class GuideSpec {
  private static final List<String> KINDS =
      List.of(
          "color",
          "clip",
          "clip-image",
          "brightness",
          "contrast",
          "saturation",
          "symmetry",
          "reference",
          "class",
          "tv",
          "range",
          "oversaturation");

  private static final String OWN = "";

  /** The error that an option does not fit the model loaded for it. */
  public static final class Unsuitable extends SfumatoException {
    private static final long serialVersionUID = 1L;

    Unsuitable(SfumatoException cause) {
      super(cause.getMessage(), cause);
    }
  }

  private final String kind;
  private final String value;
  private final GuideOptions options;
  private final Optional<Guide> own;
  private final Optional<UnaryOperator<Tensor>> classifier;
  private final Optional<ClipModel> clip;

  /** The guide, if nothing must be loaded for it. */
  private final Optional<Guide> ready;

  private GuideSpec(
      String kind,
      String value,
      GuideOptions options,
      Optional<Guide> own,
      Optional<UnaryOperator<Tensor>> classifier,
      Optional<ClipModel> clip) {
    this.kind = kind;
    this.value = value;
    this.options = options;
    this.own = own;
    this.classifier = classifier;
    this.clip = clip;
    ready = own.or(this::ofValue);
  }

  /**
   * Reads {@code KIND=VALUE}.
   *
   * @throws SfumatoException if there is no such guide, or the value does not fit it
   */
  public static GuideSpec parse(String text) {
    String[] parts = text.split("=", 2);
    String value = parts.length == 1 ? "" : parts[1];
    return new GuideSpec(
        parts[0],
        value,
        GuideOptions.defaults(parts[0]),
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  /** Makes a custom guide. */
  public static GuideSpec of(String name, Guide guide) {
    return new GuideSpec(
        name,
        OWN,
        GuideOptions.defaults(name),
        Optional.of(guide),
        Optional.empty(),
        Optional.empty());
  }

  /**
   * Returns the same guide with an option.
   *
   * @param value a number or a text
   * @throws SfumatoException if this guide has no such option, or the value does not fit it
   */
  public GuideSpec with(String option, Object value) {
    GuideOptions more = options.with(option, value.toString(), own.isPresent());
    return new GuideSpec(kind, this.value, more, own, classifier, clip);
  }

  /**
   * Returns the same guide, of the kind {@code class}, with a classifier that maps pictures to
   * logits.
   */
  public GuideSpec withClassifier(UnaryOperator<Tensor> classifier) {
    return new GuideSpec(kind, value, options, own, Optional.of(classifier), clip);
  }

  /**
   * Returns the same guide with a classifier that knows its classes by name.
   *
   * @param labels from the guide's value, names or labels separated by commas, to labels
   * @throws SfumatoException if {@code labels} does not know a class
   */
  public GuideSpec withClassifier(
      UnaryOperator<Tensor> classifier, Function<String, long[]> labels) {
    String numbers =
        Arrays.stream(labels.apply(value))
            .mapToObj(Long::toString)
            .collect(Collectors.joining(","));
    return new GuideSpec(kind, numbers, options, own, Optional.of(classifier), clip);
  }

  /**
   * Returns the same guide, of the kind {@code clip} or {@code clip-image}, with a CLIP model on
   * the device of the sampling. It stays loaded and belongs to the caller. Guides that share it
   * share equal cuts.
   */
  public GuideSpec withClip(ClipModel model) {
    return new GuideSpec(kind, value, options, own, classifier, Optional.of(model));
  }

  /** Returns the kind, or the name of a custom guide. */
  public String kind() {
    return kind;
  }

  /** Returns the names of guides in messages and traces: their kinds, numbered if one repeats. */
  public static List<String> names(List<GuideSpec> guides) {
    Map<String, Integer> seen = new HashMap<>();
    return guides.stream()
        .map(
            guide -> {
              int number = seen.merge(guide.kind, 1, Integer::sum);
              return number == 1 ? guide.kind : guide.kind + "_" + number;
            })
        .toList();
  }

  /**
   * Checks that the guide has all that it needs.
   *
   * @throws SfumatoException if a CLIP model or a classifier is missing
   */
  public GuideSpec requireComplete() {
    if (isClip() && clip.isEmpty() && options.clip().isEmpty()) {
      throw new SfumatoException(
          "guide " + kind + " needs a CLIP model: give its option clip, a directory or a Hub id");
    }
    if (kind.equals("class") && own.isEmpty() && classifier.isEmpty()) {
      throw new SfumatoException("guide class needs a classifier");
    }
    return this;
  }

  /**
   * Makes the guide, ready to steer.
   *
   * @param name its name in messages and traces
   * @throws SfumatoException if a picture or a model does not load or fit
   */
  public ScheduledGuide make(String name, GuideSources sources) {
    requireComplete();
    Guide guide = ready.orElseGet(() -> loaded(sources));
    return new ScheduledGuide(name, guide, options.weight());
  }

  // ---- the guide

  private boolean isClip() {
    return own.isEmpty() && (kind.equals("clip") || kind.equals("clip-image"));
  }

  /** Returns the guide if it needs only its value. */
  private Optional<Guide> ofValue() {
    return switch (kind) {
      case "color" -> Optional.of(ColorGuide.parse(given()));
      case "brightness" -> Optional.of(new BrightnessGuide(number()));
      case "contrast" -> Optional.of(new ContrastGuide(number()));
      case "saturation" -> Optional.of(new SaturationGuide(number()));
      case "symmetry" -> Optional.of(SymmetryGuide.parse(given()));
      case "tv" -> Optional.of(new TotalVariationGuide());
      case "range" -> Optional.of(new RangeGuide());
      case "oversaturation" -> Optional.of(new OversaturationGuide());
      case "class" -> {
        given();
        yield classifier.map(reader -> new ClassGuide(reader, labels()));
      }
      case "clip", "clip-image", "reference" -> {
        given();
        yield Optional.empty();
      }
      default ->
          throw new SfumatoException(
              "guide '"
                  + kind
                  + "' is unknown: use "
                  + String.join(", ", KINDS.subList(0, KINDS.size() - 1))
                  + (" or " + KINDS.get(KINDS.size() - 1))
                  + NearNames.asked(kind, KINDS));
    };
  }

  private double number() {
    return GuideOptions.number(kind, given());
  }

  private long[] labels() {
    return Arrays.stream(given().split(","))
        .mapToLong(label -> GuideOptions.whole("class", label))
        .toArray();
  }

  private String given() {
    if (value.isEmpty()) {
      throw new SfumatoException("guide " + kind + " needs a value: " + kind + "=VALUE");
    }
    return value;
  }

  private Guide loaded(GuideSources sources) {
    return kind.equals("reference")
        ? new ReferenceGuide(sources.picture(Path.of(value)), options.lowPass())
        : byClip(clip.orElseGet(() -> sources.clip(options.clip().orElseThrow())));
  }

  private Guide byClip(ClipModel model) {
    Optional<Pixels> picture =
        kind.equals("clip") ? Optional.empty() : Optional.of(PictureReader.read(Path.of(value)));
    try {
      ClipPrompts prompts =
          picture
              .map(pixels -> ClipPrompts.ofPicture(model, pixels, options.layers()))
              .orElseGet(() -> ClipPrompts.ofTexts(model, value));
      return new ClipGuide(model, options.cutouts(), prompts, options.temperature());
    } catch (SfumatoException e) {
      throw new Unsuitable(e);
    }
  }
}
