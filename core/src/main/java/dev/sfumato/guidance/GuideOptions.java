package dev.sfumato.guidance;

import dev.sfumato.SfumatoException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/** The options of a {@link GuideSpec} by name, read and checked once. Immutable. */
final class GuideOptions {
  private static final List<String> CLIP = List.of("clip", "clip-image");

  /** The kinds of guides that have an option; an empty list means all. */
  private static final Map<String, List<String>> KINDS =
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

  private final String kind;
  private final Map<String, String> given;
  private final GuideWeight weight;
  private final int lowPass;
  private final Cutouts cutouts;
  private final OptionalDouble temperature;
  private final List<Integer> layers;

  private GuideOptions(String kind, Map<String, String> given) {
    this.kind = kind;
    this.given = given;
    weight = readWeight();
    lowPass = whole("low-pass", 1);
    cutouts = readCutouts();
    temperature =
        given.containsKey("clip-temperature")
            ? OptionalDouble.of(number("clip-temperature", 1))
            : OptionalDouble.empty();
    layers = readLayers();
  }

  /** Returns the defaults of a guide. */
  static GuideOptions defaults(String kind) {
    return new GuideOptions(kind, Map.of());
  }

  /**
   * Returns these options with one more.
   *
   * @param custom whether the guide is the user's own, which has the options of all guides only
   * @throws SfumatoException if the guide has no such option, or the value does not fit it
   */
  GuideOptions with(String option, String value, boolean custom) {
    List<String> kinds = KINDS.get(option);
    if (kinds == null) {
      throw new SfumatoException("guides have no option '" + option + "'");
    }
    if (!kinds.isEmpty() && (custom || !kinds.contains(kind))) {
      throw new SfumatoException(
          ("guide " + kind + " has no option " + option + ", which is for ")
              + String.join(" and ", kinds));
    }
    Map<String, String> more = new HashMap<>(given);
    more.put(option, value);
    return new GuideOptions(kind, more);
  }

  GuideWeight weight() {
    return weight;
  }

  /** Returns the pixels over which a reference is compared. */
  int lowPass() {
    return lowPass;
  }

  Cutouts cutouts() {
    return cutouts;
  }

  OptionalDouble temperature() {
    return temperature;
  }

  /** Returns the further layers of CLIP to compare. */
  List<Integer> layers() {
    return layers;
  }

  /** Returns the directory or Hub id of the CLIP model. */
  Optional<String> clip() {
    return Optional.ofNullable(given.get("clip"));
  }

  private GuideWeight readWeight() {
    try {
      return new GuideWeight(
          number("scale", 40),
          GuideSchedule.parse(given.getOrDefault("schedule", "constant")),
          number("from", 0),
          number("until", 1),
          whole("every", 1));
    } catch (SfumatoException e) {
      throw new SfumatoException("guide " + kind + ": " + e.getMessage(), e);
    }
  }

  private Cutouts readCutouts() {
    int cuts = whole("cuts", 4);
    if (given.containsKey("cut-pool")) {
      if (given.containsKey("cut-power")) {
        throw new SfumatoException("cut-pool and cut-power are two kinds of cuts: give one");
      }
      return new PooledCutouts(cuts, number("cut-pool", 1));
    }
    if (!given.containsKey("cut-power")) {
      if (given.containsKey("cut-overview")) {
        throw new SfumatoException("cut-overview needs cut-power");
      }
      return new CourseCutouts(cuts);
    }
    String[] overview = given.getOrDefault("cut-overview", "0.25").split(":", 2);
    return new PowerLawCutouts(
        cuts,
        number("cut-power", 1),
        number("cut-overview", overview[0]),
        number("cut-overview", overview[overview.length - 1]));
  }

  private List<Integer> readLayers() {
    String said = given.getOrDefault("clip-layers", "");
    return said.isEmpty()
        ? List.of()
        : Arrays.stream(said.split(",")).map(layer -> whole("clip-layers", layer)).toList();
  }

  private double number(String option, double otherwise) {
    String said = given.get(option);
    return said == null ? otherwise : number(option, said);
  }

  private int whole(String option, int otherwise) {
    String said = given.get(option);
    return said == null ? otherwise : whole(option, said);
  }

  static double number(String what, String said) {
    try {
      return Double.parseDouble(said);
    } catch (NumberFormatException e) {
      throw new SfumatoException(what + " '" + said + "' is not a number", e);
    }
  }

  static int whole(String what, String said) {
    try {
      return Integer.parseInt(said.strip());
    } catch (NumberFormatException e) {
      throw new SfumatoException(what + " '" + said + "' is not a whole number", e);
    }
  }
}
