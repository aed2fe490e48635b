package dev.sfumato.scheduler;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import dev.sfumato.NearNames;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonFile;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * A {@code scheduler_config.json} of diffusers. A key that is not set has the default of the class;
 * so {@link #withClassName} does what diffusers' {@code from_config} does. Keys that the class does
 * not know are kept and written again.
 *
 * @param className diffusers' class, such as {@code DDPMScheduler}; any name can be read and
 *     written
 * @param settings the keys that are set, with their JSON values
 */
public record SchedulerConfig(String className, Map<String, Object> settings) {
  private static final String CLASS_NAME = "_class_name";
  private static final int MOST_TIMESTEPS = 1_000_000;

  /**
   * Checks every setting.
   *
   * @throws SfumatoException naming the first key that is wrong
   */
  public SchedulerConfig(String className, Map<String, Object> settings) {
    this.className = className;
    this.settings = Collections.unmodifiableMap(new TreeMap<>(settings));
    check();
  }

  /** DDPM with diffusers' defaults. */
  public static SchedulerConfig ddpmDefaults() {
    return new SchedulerConfig(SchedulerKind.DDPM.className(), Map.of());
  }

  /**
   * Reads a {@code scheduler_config.json}; a file without a class name is DDPM's.
   *
   * @throws SfumatoException naming the file, and the key if one is wrong
   */
  public static SchedulerConfig read(Path json) {
    return JsonFile.read(json, SchedulerConfig.class);
  }

  /**
   * Writes all keys of the class and all other settings, whole or not at all.
   *
   * @throws SfumatoException naming the file if it cannot be written
   */
  public void write(Path json) {
    JsonFile.write(json, this);
  }

  @JsonCreator
  static SchedulerConfig fromJson(Map<String, Object> json) {
    Map<String, Object> settings = new TreeMap<>(json);
    Object name = settings.remove(CLASS_NAME);
    if (name == null) {
      return new SchedulerConfig(SchedulerKind.DDPM.className(), settings);
    }
    if (name instanceof String className) {
      return new SchedulerConfig(className, settings);
    }
    throw new SfumatoException(CLASS_NAME + " must be a text, not " + name);
  }

  @JsonValue
  Map<String, Object> toJson() {
    Map<String, Object> json = new TreeMap<>(Settings.defaultsOf(className));
    json.putAll(settings);
    json.put(CLASS_NAME, className);
    return json;
  }

  /**
   * The same settings for another scheduler.
   *
   * @param name diffusers' class, or the name on the command line, such as {@code ddim}
   */
  public SchedulerConfig withClassName(String name) {
    return new SchedulerConfig(SchedulerKind.classNameOf(name), settings);
  }

  /** The same with another {@code prediction_type}. */
  public SchedulerConfig withPredictionType(PredictionType type) {
    return with("prediction_type", type.toString());
  }

  /**
   * The same with another {@code beta_schedule}; {@code trained_betas} would overrule it and go.
   */
  public SchedulerConfig withBetaSchedule(BetaSchedule schedule) {
    return with("trained_betas", null).with("beta_schedule", schedule.toString());
  }

  /** The same with another {@code num_train_timesteps}. */
  public SchedulerConfig withTrainTimesteps(int timesteps) {
    return with("num_train_timesteps", timesteps);
  }

  /**
   * The same with {@code key}, spelled as in the file, set to a JSON value.
   *
   * @throws SfumatoException naming the key if the value does not fit
   */
  public SchedulerConfig with(String key, Object value) {
    Map<String, Object> changed = new TreeMap<>(settings);
    changed.put(key, value);
    return new SchedulerConfig(className, changed);
  }

  /**
   * The same with one setting of this scheduler, which {@link #with} does not look for.
   *
   * @param name as in {@code scheduler_config.json}, such as {@code thresholding}
   * @param json the value as JSON, such as {@code true} or {@code 0.995}; what is not JSON is a
   *     text
   * @throws SfumatoException if the scheduler has no such setting, naming near ones, or the value
   *     does not fit
   */
  public SchedulerConfig withOption(String name, String json) {
    Set<String> known = new TreeSet<>(Settings.defaultsOf(className).keySet());
    if (!known.contains(name)) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "scheduler-option '%s' is not a setting of %s%s",
              name,
              SchedulerKind.ofClass(className),
              NearNames.of(name, known).isEmpty()
                  ? ", which has " + String.join(", ", known)
                  : NearNames.asked(name, known)));
    }
    return with(name, JsonFile.value(json));
  }

  /** T, the number of timesteps that the model was trained on. */
  public int numTrainTimesteps() {
    return read().integer("num_train_timesteps");
  }

  /** beta of the first timestep. */
  public double betaStart() {
    return read().number("beta_start");
  }

  /** beta of the last timestep. */
  public double betaEnd() {
    return read().number("beta_end");
  }

  /** How beta grows in between. */
  public BetaSchedule betaSchedule() {
    return BetaSchedule.parse(read().text("beta_schedule"));
  }

  /** All betas, if given one by one; else empty. */
  public List<Double> trainedBetas() {
    return read().numbers("trained_betas");
  }

  /** Whether betas are rescaled so that the last timestep is pure noise (Lin et al. 2023). */
  public boolean rescaleBetasZeroSnr() {
    return read().truth("rescale_betas_zero_snr");
  }

  /** What the model predicts. */
  public PredictionType predictionType() {
    return PredictionType.parse(read().text("prediction_type"));
  }

  /**
   * DDPM: how much noise a step adds. Also says whether the model's output holds a variance; other
   * schedulers write null if it does not.
   */
  public VarianceType varianceType() {
    return read()
        .maybeText("variance_type")
        .map(VarianceType::parse)
        .orElse(VarianceType.FIXED_SMALL);
  }

  /** Whether predicted x_0 is clipped. */
  public boolean clipSample() {
    return read().truth("clip_sample");
  }

  /** To what: [-range, range]. */
  public double clipSampleRange() {
    return read().number("clip_sample_range");
  }

  /** Whether predicted x_0 is thresholded dynamically instead (Imagen). */
  public boolean thresholding() {
    return read().truth("thresholding");
  }

  /** At which quantile of |x_0|. */
  public double dynamicThresholdingRatio() {
    return read().number("dynamic_thresholding_ratio");
  }

  /** The highest threshold. */
  public double sampleMaxValue() {
    return read().number("sample_max_value");
  }

  /** Which timesteps a run visits. */
  public TimestepSpacing timestepSpacing() {
    return TimestepSpacing.parse(read().text("timestep_spacing"));
  }

  /** What is added to the timesteps of {@link TimestepSpacing#LEADING}. */
  public int stepsOffset() {
    return read().integer("steps_offset");
  }

  /** DDIM: whether the last step goes to alphaCumprod 1, a clean picture, or to that of t = 0. */
  public boolean setAlphaToOne() {
    return read().truth("set_alpha_to_one");
  }

  /**
   * This, for a solver that needs the noise.
   *
   * @throws SfumatoException if the model predicts x_0
   */
  SchedulerConfig requireNoSamplePrediction() {
    if (predictionType() == PredictionType.SAMPLE) {
      throw new SfumatoException(
          SchedulerKind.ofClass(className)
              + " cannot sample from a model with prediction_type sample: use ddim or heun");
    }
    return this;
  }

  /** What only some solvers heed. */
  SolverSettings solver() {
    return SolverSettings.of(read());
  }

  private Settings read() {
    return new Settings(className, settings);
  }

  private void check() {
    require(!settings.containsKey(CLASS_NAME), CLASS_NAME, "given apart from the settings");
    int timesteps = numTrainTimesteps();
    require(timesteps >= 1 && timesteps <= MOST_TIMESTEPS, "num_train_timesteps", "1 to 1000000");
    require(betaStart() > 0 && betaStart() < 1, "beta_start", "between 0 and 1");
    require(betaEnd() > 0 && betaEnd() < 1, "beta_end", "between 0 and 1");
    List<Double> betas = trainedBetas();
    require(
        betas.isEmpty() || betas.size() == timesteps,
        "trained_betas",
        "as many as num_train_timesteps, " + timesteps);
    require(betas.stream().allMatch(b -> b > 0 && b <= 1), "trained_betas", "between 0 and 1");
    require(!rescaleBetasZeroSnr() || timesteps > 1, "num_train_timesteps", "2 or more to rescale");
    require(clipSampleRange() > 0, "clip_sample_range", "above 0");
    double ratio = dynamicThresholdingRatio();
    require(ratio >= 0 && ratio <= 1, "dynamic_thresholding_ratio", "between 0 and 1");
    require(sampleMaxValue() > 0, "sample_max_value", "above 0");
    require(stepsOffset() >= 0, "steps_offset", "0 or more");
    betaSchedule();
    predictionType();
    varianceType();
    timestepSpacing();
    clipSample();
    thresholding();
    setAlphaToOne();
    solver();
  }

  private static void require(boolean holds, String key, String wanted) {
    if (!holds) {
      throw new SfumatoException(key + " must be " + wanted);
    }
  }
}
