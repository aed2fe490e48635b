package dev.sfumato.guidance;

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
import java.util.OptionalDouble;
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
  private static final List<String> CLIP = List.of("clip", "clip-image");

  /** The kinds that have an option; an empty list means all. */
  private static final Map<String, List<String>> OPTIONS =
      Map.ofEntries(
          Map.entry("scale", List.of()),
          Map.entry("schedule", List.of()),
          Map.entry("from", List.of()),
          Map.entry("until", List.of()),
          Map.entry("every", List.of()),
          Map.entry("clip", CLIP),
          Map.entry("cuts", CLIP),
          Map.entry("cut-power", CLIP),
          Map.entry("cut-overview", CLIP),
          Map.entry("cut-pool", CLIP),
          Map.entry("clip-temperature", List.of("clip")),
          Map.entry("clip-layers", List.of("clip-image")),
          Map.entry("low-pass", List.of("reference")));

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
  private final Map<String, String> options;
  private final Optional<Guide> own;
  private final Optional<UnaryOperator<Tensor>> classifier;
  private final Optional<ClipModel> clip;

  private GuideSpec(
      String kind,
      String value,
      Map<String, String> options,
      Optional<Guide> own,
      Optional<UnaryOperator<Tensor>> classifier,
      Optional<ClipModel> clip) {
    this.kind = kind;
    this.value = value;
    this.options = options;
    this.own = own;
    this.classifier = classifier;
    this.clip = clip;
    check();
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
        parts[0], value, Map.of(), Optional.empty(), Optional.empty(), Optional.empty());
  }

  /** Makes a custom guide. */
  public static GuideSpec of(String name, Guide guide) {
    return new GuideSpec(
        name, OWN, Map.of(), Optional.of(guide), Optional.empty(), Optional.empty());
  }

  /**
   * Returns the same guide with an option.
   *
   * @param value a number or a text
   * @throws SfumatoException if this guide has no such option, or the value does not fit it
   */
  public GuideSpec with(String option, Object value) {
    Map<String, String> more = new HashMap<>(options);
    more.put(option, value.toString());
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
   * The same with a classifier that knows its classes by name.
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
    if (isClip() && clip.isEmpty() && !options.containsKey("clip")) {
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
    Guide guide = own.or(this::ofValue).orElseGet(() -> loaded(sources));
    return new ScheduledGuide(name, guide, weight());
  }

  // ---- the guide

  private boolean isClip() {
    return own.isEmpty() && (kind.equals("clip") || kind.equals("clip-image"));
  }

  /** Returns the guide if it needs only its value. */
  private Optional<Guide> ofValue() {
    return switch (kind) {
      case "color" -> Optional.of(ColorGuide.parse(value()));
      case "brightness" -> Optional.of(new BrightnessGuide(number(kind, value())));
      case "contrast" -> Optional.of(new ContrastGuide(number(kind, value())));
      case "saturation" -> Optional.of(new SaturationGuide(number(kind, value())));
      case "symmetry" -> Optional.of(SymmetryGuide.parse(value()));
      case "tv" -> Optional.of(new TotalVariationGuide());
      case "range" -> Optional.of(new RangeGuide());
      case "oversaturation" -> Optional.of(new OversaturationGuide());
      case "clip", "clip-image", "reference", "class" -> Optional.empty();
      default ->
          throw new SfumatoException(
              "guide '"
                  + kind
                  + "' is unknown: use color, clip, clip-image, brightness, contrast, saturation,"
                  + " symmetry, reference, class, tv, range or oversaturation");
    };
  }

  private Guide loaded(GuideSources sources) {
    return switch (kind) {
      case "reference" ->
          new ReferenceGuide(sources.picture(Path.of(value())), whole("low-pass", 1));
      case "class" -> new ClassGuide(classifier.orElseThrow(), labels());
      default -> byClip(clip.orElseGet(() -> sources.clip(options.get("clip"))));
    };
  }

  private Guide byClip(ClipModel model) {
    Optional<Pixels> picture =
        kind.equals("clip") ? Optional.empty() : Optional.of(PictureReader.read(Path.of(value())));
    try {
      ClipPrompts prompts =
          picture
              .map(pixels -> ClipPrompts.ofPicture(model, pixels, layers()))
              .orElseGet(() -> ClipPrompts.ofTexts(model, value()));
      return new ClipGuide(model, cutouts(), prompts, temperature());
    } catch (SfumatoException e) {
      throw new Unsuitable(e);
    }
  }

  private Cutouts cutouts() {
    int cuts = whole("cuts", 4);
    if (options.containsKey("cut-pool")) {
      if (options.containsKey("cut-power")) {
        throw new SfumatoException("cut-pool and cut-power are two kinds of cuts: give one");
      }
      return new PooledCutouts(cuts, number("cut-pool", 1));
    }
    if (!options.containsKey("cut-power")) {
      if (options.containsKey("cut-overview")) {
        throw new SfumatoException("cut-overview needs cut-power");
      }
      return new CourseCutouts(cuts);
    }
    String said = options.getOrDefault("cut-overview", "0.25");
    String[] overview = said.split(":", 2);
    return new PowerLawCutouts(
        cuts,
        number("cut-power", 1),
        number("cut-overview", overview[0]),
        number("cut-overview", overview[overview.length - 1]));
  }

  // ---- the options

  /** Checks all options so far. */
  private void check() {
    if (own.isEmpty() && ofValue().isEmpty()) {
      value();
      if (kind.equals("class") && classifier.isPresent()) {
        labels();
      }
    }
    options.keySet().forEach(this::requireOption);
    weight();
    whole("low-pass", 1);
    cutouts();
    temperature();
    layers();
  }

  private void requireOption(String option) {
    List<String> kinds = OPTIONS.get(option);
    if (kinds == null) {
      throw new SfumatoException("guides have no option '" + option + "'");
    }
    if (!kinds.isEmpty() && (own.isPresent() || !kinds.contains(kind))) {
      throw new SfumatoException(
          ("guide " + kind + " has no option " + option + ", which is for ")
              + String.join(" and ", kinds));
    }
  }

  private GuideWeight weight() {
    try {
      return new GuideWeight(
          number("scale", 40),
          GuideSchedule.parse(options.getOrDefault("schedule", "constant")),
          number("from", 0),
          number("until", 1),
          whole("every", 1));
    } catch (SfumatoException e) {
      throw new SfumatoException("guide " + kind + ": " + e.getMessage(), e);
    }
  }

  private OptionalDouble temperature() {
    return options.containsKey("clip-temperature")
        ? OptionalDouble.of(number("clip-temperature", 1))
        : OptionalDouble.empty();
  }

  private List<Integer> layers() {
    String said = options.getOrDefault("clip-layers", "");
    return said.isEmpty()
        ? List.of()
        : Arrays.stream(said.split(",")).map(layer -> whole("clip-layers", layer)).toList();
  }

  private long[] labels() {
    return Arrays.stream(value().split(",")).mapToLong(label -> whole("class", label)).toArray();
  }

  private String value() {
    if (value.isEmpty()) {
      throw new SfumatoException("guide " + kind + " needs a value: " + kind + "=VALUE");
    }
    return value;
  }

  private double number(String option, double otherwise) {
    String said = options.get(option);
    return said == null ? otherwise : number(option, said);
  }

  private int whole(String option, int otherwise) {
    String said = options.get(option);
    return said == null ? otherwise : whole(option, said);
  }

  private static double number(String what, String said) {
    try {
      return Double.parseDouble(said);
    } catch (NumberFormatException e) {
      throw new SfumatoException(what + " '" + said + "' is not a number", e);
    }
  }

  private static int whole(String what, String said) {
    try {
      return Integer.parseInt(said.strip());
    } catch (NumberFormatException e) {
      throw new SfumatoException(what + " '" + said + "' is not a whole number", e);
    }
  }
}
