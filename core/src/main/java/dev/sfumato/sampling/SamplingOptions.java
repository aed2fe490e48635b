package dev.sfumato.sampling;

import static dev.sfumato.InvalidOptionException.require;

import dev.sfumato.SfumatoException;
import dev.sfumato.guidance.ClassifierFreeGuidance;
import dev.sfumato.guidance.Guidance;
import dev.sfumato.guidance.Guide;
import dev.sfumato.guidance.GuideSpec;
import dev.sfumato.guidance.ScheduledGuide;
import dev.sfumato.guidance.SmoothedGuide;
import dev.sfumato.picture.NamedPicture;
import dev.sfumato.picture.Pixels;
import dev.sfumato.scheduler.RunOptions;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.scheduler.SchedulerKind;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Consumer;

/**
 * The settings of a sampling. The model decides those that are left open, see {@link #completed}:
 *
 * <pre>{@code
 * SamplingOptions.defaults().withCount(16).withSteps(50).withLabels(3)
 * }</pre>
 *
 * <p>Immutable. A setting is a field with its default, a method that reads it and one that returns
 * a copy with another value.
 */
public final class SamplingOptions implements Cloneable {
  private static final SamplingOptions DEFAULTS = new SamplingOptions();

  private int count = 1;
  private OptionalInt height = OptionalInt.empty();
  private OptionalInt width = OptionalInt.empty();
  private OptionalInt steps = OptionalInt.empty();
  private OptionalInt batchSize = OptionalInt.empty();
  private Optional<SchedulerKind> scheduler = Optional.empty();
  private Map<String, String> schedulerOptions = Map.of();
  private long seed = 0;
  private List<String> classes = List.of();
  private TextOptions text = TextOptions.NONE;
  private ClassifierFreeGuidance classifierFree = ClassifierFreeGuidance.NONE;
  private RunOptions run = RunOptions.defaults();
  private Guidance guidance = Guidance.NONE;
  private List<GuideSpec> guides = List.of();
  private Optional<NamedPicture> picture = Optional.empty();
  private Optional<NamedPicture> mask = Optional.empty();
  private OptionalDouble strength = OptionalDouble.empty();
  private int smoothingSamples = 0;
  private double smoothingGamma = 1;
  private boolean vaeTiling = false;

  private SamplingOptions() {}

  private SamplingOptions with(Consumer<SamplingOptions> change) {
    try {
      SamplingOptions copy = (SamplingOptions) clone();
      change.accept(copy);
      return copy;
    } catch (CloneNotSupportedException e) {
      throw new AssertionError(e);
    }
  }

  /** Returns options for one picture, with the model's own settings. */
  public static SamplingOptions defaults() {
    return DEFAULTS;
  }

  /**
   * Returns the same with all open settings decided: the scheduler's steps (all that the model was
   * trained on for ddpm, 4 for lcm and tcd, otherwise 50, and never more than the model was trained
   * on), and as many pictures at once as fit into 65,536 pixels.
   *
   * @param own the model's scheduler, used unless the options name another
   * @param size height and width of the model's pictures; empty if it has no own size
   * @throws SfumatoException if the model has no size and none is given
   */
  public SamplingOptions completed(SchedulerConfig own, List<Integer> size) {
    return new ModelDefaults(scheduler(own), size).complete(this);
  }

  /**
   * The scheduler that goes: the asked one with the settings of {@code own}, else that; with the
   * settings that are asked for.
   *
   * @throws SfumatoException if the scheduler has no such setting, or a value does not fit
   */
  public SchedulerConfig scheduler(SchedulerConfig own) {
    SchedulerConfig config = scheduler.map(kind -> own.withClassName(kind.className())).orElse(own);
    for (Map.Entry<String, String> option : schedulerOptions.entrySet()) {
      config = config.withOption(option.getKey(), option.getValue());
    }
    return config;
  }

  /** Returns the number of pictures. */
  public int count() {
    return count;
  }

  /** The height of a picture in pixels. */
  public OptionalInt height() {
    return height;
  }

  /** The width of a picture in pixels. */
  public OptionalInt width() {
    return width;
  }

  /** The steps of the scheduler. */
  public OptionalInt steps() {
    return steps;
  }

  /** Returns the number of pictures in the network at once, which never changes the result. */
  public OptionalInt batchSize() {
    return batchSize;
  }

  /** The seed of all random numbers. */
  public long seed() {
    return seed;
  }

  /** The class of each picture, a label or a name, repeated to fill the count; empty for none. */
  public List<String> classes() {
    return classes;
  }

  /** Returns the texts for a text-to-image model. */
  public TextOptions text() {
    return text;
  }

  /** Classifier-free guidance. */
  public ClassifierFreeGuidance classifierFree() {
    return classifierFree;
  }

  /** Returns the scheduler's options, such as eta. */
  public RunOptions run() {
    return run;
  }

  /** Returns the way in which guides steer, with the guides that are already made. */
  public Guidance guidance() {
    return guidance;
  }

  /** Returns the guides that are only described. */
  public List<GuideSpec> guides() {
    return guides;
  }

  /** Returns the picture to start from or to complete. */
  public Optional<NamedPicture> picture() {
    return picture;
  }

  /** Returns the mask, light where {@link #picture} is redrawn. */
  public Optional<NamedPicture> mask() {
    return mask;
  }

  /** Returns the part of the noise levels to go through from {@link #picture}, 1 for all. */
  public OptionalDouble strength() {
    return strength;
  }

  /** Returns whether the autoencoder of a latent model works in tiles. */
  public boolean vaeTiling() {
    return vaeTiling;
  }

  /** Returns the same options with this number of pictures. */
  public SamplingOptions withCount(int count) {
    return with(copy -> copy.count = atLeastOne("count", count));
  }

  /** Returns the same options with pictures of this size in pixels. */
  public SamplingOptions withSize(int height, int width) {
    return withHeight(height).withWidth(width);
  }

  /** Returns the same options with pictures of this height in pixels. */
  public SamplingOptions withHeight(int height) {
    return with(copy -> copy.height = OptionalInt.of(atLeastOne("height", height)));
  }

  /** Returns the same options with pictures of this width in pixels. */
  public SamplingOptions withWidth(int width) {
    return with(copy -> copy.width = OptionalInt.of(atLeastOne("width", width)));
  }

  /** Returns the same options with this number of steps. */
  public SamplingOptions withSteps(int steps) {
    return with(copy -> copy.steps = OptionalInt.of(atLeastOne("steps", steps)));
  }

  /** Returns the same options with this number of pictures in the network at once. */
  public SamplingOptions withBatchSize(int batchSize) {
    return with(copy -> copy.batchSize = OptionalInt.of(atLeastOne("batchSize", batchSize)));
  }

  /** Returns the same options with another update rule and the model's settings. */
  public SamplingOptions withScheduler(SchedulerKind scheduler) {
    return with(copy -> copy.scheduler = Optional.of(scheduler));
  }

  /**
   * Returns a copy with one setting of the model's {@code scheduler_config.json} changed, such as
   * {@code thresholding} to {@code true}.
   *
   * @param name of the setting
   * @param json its value as JSON; what is not JSON is a text
   */
  public SamplingOptions withSchedulerOption(String name, String json) {
    Map<String, String> more = new LinkedHashMap<>(schedulerOptions);
    more.put(name, json);
    return with(copy -> copy.schedulerOptions = more);
  }

  /** Returns the same options with another seed. */
  public SamplingOptions withSeed(long seed) {
    return with(copy -> copy.seed = seed);
  }

  /** Returns the same options with a new seed from 0 to 2^32 - 1, another one at each call. */
  public SamplingOptions withNewSeed() {
    return withSeed(ThreadLocalRandom.current().nextLong(1L << 32));
  }

  /** Returns the same options with classes by their labels, repeated to fill the count. */
  public SamplingOptions withLabels(long... labels) {
    return withClasses(Arrays.stream(labels).mapToObj(Long::toString).toArray(String[]::new));
  }

  /** Returns the same options with classes by their names or labels, repeated to fill the count. */
  public SamplingOptions withClasses(String... classes) {
    return with(copy -> copy.classes = List.of(classes));
  }

  /** Returns the same options with other prompts and their settings. */
  public SamplingOptions withText(TextOptions text) {
    return with(copy -> copy.text = text);
  }

  /** Returns the same options with classifier-free guidance. */
  public SamplingOptions withClassifierFree(ClassifierFreeGuidance classifierFree) {
    return with(copy -> copy.classifierFree = classifierFree);
  }

  /**
   * Returns the same options with classifier-free guidance of this scale at every step; 1 for none.
   */
  public SamplingOptions withGuidanceScale(double scale) {
    return withClassifierFree(ClassifierFreeGuidance.of(scale));
  }

  /** Returns the same options with options of the scheduler. */
  public SamplingOptions withRun(RunOptions run) {
    return with(copy -> copy.run = run);
  }

  /** Returns the same options steered in this way; guides added one by one stay. */
  public SamplingOptions withGuidance(Guidance guidance) {
    return with(copy -> copy.guidance = guidance);
  }

  /** Returns the same options with a further guide. */
  public SamplingOptions withGuide(GuideSpec guide) {
    List<GuideSpec> more = new ArrayList<>(guides);
    more.add(guide.requireComplete());
    return with(copy -> copy.guides = more);
  }

  /**
   * Returns the same options with a further guide, such as {@code color=teal}.
   *
   * @param scale the factor of its loss
   * @throws SfumatoException if there is no such guide
   */
  public SamplingOptions withGuide(String guide, double scale) {
    return withGuide(GuideSpec.parse(guide).with("scale", scale));
  }

  /** Returns the same options with a custom guide: a loss of the predicted pictures. */
  public SamplingOptions withGuide(Guide guide, double scale) {
    return withGuide(GuideSpec.of("guide", guide).with("scale", scale));
  }

  /**
   * Returns the same options with guides that see noisy copies of the predicted pictures, see
   * {@link SmoothedGuide}.
   *
   * @param samples the number of copies; 0 for the predicted pictures themselves
   * @param gamma their noise
   */
  public SamplingOptions withSmoothing(int samples, double gamma) {
    return with(
        copy -> {
          copy.smoothingSamples = samples;
          copy.smoothingGamma = gamma;
        });
  }

  /** Returns {@code guide}, smoothed if these options ask for it. */
  public ScheduledGuide smoothed(ScheduledGuide guide) {
    return smoothingSamples == 0
        ? guide
        : guide.withGuide(new SmoothedGuide(guide.guide(), smoothingSamples, smoothingGamma));
  }

  /**
   * Returns the same options with an autoencoder that encodes and decodes large pictures in
   * overlapping tiles: with less memory, and slightly different pictures.
   */
  public SamplingOptions withVaeTiling(boolean on) {
    return with(copy -> copy.vaeTiling = on);
  }

  /**
   * Returns the same options with a picture to start from (img2img), at the model's usual strength.
   */
  public SamplingOptions withPicture(Path picture) {
    return withPicture(NamedPicture.in(picture));
  }

  /**
   * Returns the same options with a decoded picture to start from, as {@link #withPicture(Path)}.
   */
  public SamplingOptions withPicture(Pixels picture) {
    return withPicture(NamedPicture.of("picture", picture));
  }

  private SamplingOptions withPicture(NamedPicture picture) {
    return with(
        copy -> {
          copy.picture = Optional.of(picture);
          copy.mask = Optional.empty();
          copy.strength = OptionalDouble.empty();
        });
  }

  /**
   * Returns the same options with a picture to start from (img2img), resized to the drawn size.
   *
   * @param strength above 0, which keeps it, to 1, which leaves little of it
   */
  public SamplingOptions withPicture(Path picture, double strength) {
    return withPicture(picture).withStrength(strength);
  }

  /**
   * Returns the same options with another part of the noise levels to go through from a picture.
   */
  public SamplingOptions withStrength(double strength) {
    require(
        strength > 0 && strength <= 1, "`strength` must be above 0 and at most 1, not " + strength);
    return with(copy -> copy.strength = OptionalDouble.of(strength));
  }

  /**
   * Returns the same options with a picture that is kept where {@code mask} is dark and redrawn
   * elsewhere, by default at the strength that is usual for it.
   */
  public SamplingOptions withInpainting(Path picture, Path mask) {
    return withPicture(picture).with(copy -> copy.mask = Optional.of(NamedPicture.in(mask)));
  }

  /** Returns the same options with decoded pictures, as {@link #withInpainting(Path, Path)}. */
  public SamplingOptions withInpainting(Pixels picture, Pixels mask) {
    return withPicture(picture)
        .with(copy -> copy.mask = Optional.of(NamedPicture.of("mask", mask)));
  }

  private static int atLeastOne(String property, int value) {
    require(value >= 1, "`" + property + "` must be at least 1, not " + value);
    return value;
  }
}
