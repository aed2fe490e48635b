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
 * A {@code scheduler_config.json} of diffusers. A missing key has the default of the class, so
 * {@link #withClassName} acts like diffusers' {@code from_config}. Keys that the class does not
 * know are kept and written again.
 *
 * @param className diffusers' class, such as {@code DDPMScheduler}; any name can be read and
 *     written
 * @param settings the keys that are set, with their JSON values
 */
public record SchedulerConfig(String className, Map<String, Object> settings) {
  private static final String CLASS_NAME = "_class_name";
  private static final int MOST_TIMESTEPS = 1_000_000;

  /** Pipelines that take the settings of any scheduler for one of their own. */
  private static final Map<String, String> OF_PIPELINES =
      Map.of("DDIMPipeline", "DDIMScheduler", "PNDMPipeline", "PNDMScheduler");

  /** In the names of classes whose models read continuous noise levels, or none. */
  private static final List<String> WITHOUT_BETAS =
      List.of(
          "EDM",
          "FlowMa",
          "ScoreSde",
          "CMStochastic",
          "KarrasVe",
          "Wuerstchen",
          "VQDiffusion",
          "SCM",
          "Cosine");

  /**
   * Checks every setting.
   *
   * @throws SfumatoException naming the first key that is wrong, or the class if it is not
   *     supported, such as those of EDM and flow matching
   */
  public SchedulerConfig(String className, Map<String, Object> settings) {
    this.className = className;
    this.settings = Collections.unmodifiableMap(new TreeMap<>(settings));
    check();
  }

  /** Returns DDPM with diffusers' defaults. */
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

  /** Makes settings from the keys of a {@code scheduler_config.json}. */
  @JsonCreator
  public static SchedulerConfig of(Map<String, Object> json) {
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
   * Returns the same settings for another scheduler.
   *
   * @param name diffusers' class, or the name on the command line, such as {@code ddim}
   */
  public SchedulerConfig withClassName(String name) {
    return new SchedulerConfig(SchedulerKind.classNameOf(name), settings);
  }

  /**
   * Returns the same settings for the scheduler of a {@code model_index.json}, which diffusers
   * follows where the two files differ; if it names none, for this one. Some pipelines always draw
   * with one scheduler.
   *
   * @param index the content of the file
   */
  public SchedulerConfig namedIn(Map<?, ?> index) {
    String always = OF_PIPELINES.get(String.valueOf(index.get(CLASS_NAME)));
    if (always != null) {
      return withClassName(always);
    }
    return index.get("scheduler") instanceof List<?> part
            && part.size() == 2
            && part.get(1) instanceof String name
        ? withClassName(name)
        : this;
  }

  /** Returns the same settings with another {@code prediction_type}. */
  public SchedulerConfig withPredictionType(PredictionType type) {
    return with("prediction_type", type.toString());
  }

  /**
   * Returns the same settings with another {@code beta_schedule} and without {@code trained_betas},
   * which would override it.
   */
  public SchedulerConfig withBetaSchedule(BetaSchedule schedule) {
    return with("trained_betas", null).with("beta_schedule", schedule.toString());
  }

  /** Returns the same settings with another {@code num_train_timesteps}. */
  public SchedulerConfig withTrainTimesteps(int timesteps) {
    return with("num_train_timesteps", timesteps);
  }

  /**
   * Returns the same settings with {@code key}, spelled as in the file, set to a JSON value.
   *
   * @throws SfumatoException naming the key if the value does not fit
   */
  public SchedulerConfig with(String key, Object value) {
    Map<String, Object> changed = new TreeMap<>(settings);
    changed.put(key, value);
    return new SchedulerConfig(className, changed);
  }

  /**
   * Returns the same settings with one of this scheduler changed, which {@link #with} does not look
   * for.
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

  /** Returns T, the number of timesteps that the model was trained on. */
  public int numTrainTimesteps() {
    return read().integer("num_train_timesteps");
  }

  /** Returns beta of the first timestep. */
  public double betaStart() {
    return read().number("beta_start");
  }

  /** Returns beta of the last timestep. */
  public double betaEnd() {
    return read().number("beta_end");
  }

  /** Returns the growth of beta in between. */
  public BetaSchedule betaSchedule() {
    return BetaSchedule.parse(read().text("beta_schedule"));
  }

  /** Returns all betas if the file lists them, otherwise an empty list. */
  public List<Double> trainedBetas() {
    return read().numbers("trained_betas");
  }

  /**
   * Returns true if betas are rescaled so that the last timestep is pure noise (Lin et al. 2023).
   */
  public boolean rescaleBetasZeroSnr() {
    return read().truth("rescale_betas_zero_snr");
  }

  /** Returns the quantity that the model predicts. */
  public PredictionType predictionType() {
    return PredictionType.parse(read().text("prediction_type"));
  }

  /**
   * Returns the variance of the noise that a DDPM step adds. It also tells whether the model's
   * output holds a variance; other schedulers write null if not.
   */
  public VarianceType varianceType() {
    return read()
        .maybeText("variance_type")
        .map(VarianceType::parse)
        .orElse(VarianceType.FIXED_SMALL);
  }

  /** Returns true if predicted x_0 is clipped. */
  public boolean clipSample() {
    return read().truth("clip_sample");
  }

  /** Returns the range of clipping: [-range, range]. */
  public double clipSampleRange() {
    return read().number("clip_sample_range");
  }

  /** Returns true if predicted x_0 is thresholded dynamically instead (Imagen). */
  public boolean thresholding() {
    return read().truth("thresholding");
  }

  /** Returns the quantile of |x_0| for thresholding. */
  public double dynamicThresholdingRatio() {
    return read().number("dynamic_thresholding_ratio");
  }

  /** Returns the highest threshold. */
  public double sampleMaxValue() {
    return read().number("sample_max_value");
  }

  /** Returns the spacing of the timesteps that a run visits. */
  public TimestepSpacing timestepSpacing() {
    return TimestepSpacing.parse(read().text("timestep_spacing"));
  }

  /** Returns the number added to the timesteps of {@link TimestepSpacing#LEADING}. */
  public int stepsOffset() {
    return read().integer("steps_offset");
  }

  /**
   * Returns true if DDIM's last step goes to alphaCumprod 1, a clean picture, and false if to that
   * of t = 0.
   */
  public boolean setAlphaToOne() {
    return read().truth("set_alpha_to_one");
  }

  /**
   * Returns this configuration for a solver that needs the noise.
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

  /** Returns the settings that only some solvers use. */
  SolverSettings solver() {
    return SolverSettings.of(read());
  }

  private Settings read() {
    return new Settings(className, settings);
  }

  private void check() {
    require(!settings.containsKey(CLASS_NAME), CLASS_NAME, "given apart from the settings");
    if (WITHOUT_BETAS.stream().anyMatch(className::contains)) {
      throw new SfumatoException(
          className
              + " has other noise levels than the schedulers here: its models are not supported");
    }
    int timesteps = numTrainTimesteps();
    requireTrainTimesteps(timesteps);
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

  /**
   * Requires a number of noise levels that schedulers take.
   *
   * @throws SfumatoException if it is not from 1 to 1000000
   */
  public static void requireTrainTimesteps(int timesteps) {
    require(timesteps >= 1 && timesteps <= MOST_TIMESTEPS, "num_train_timesteps", "1 to 1000000");
  }

  private static void require(boolean holds, String key, String wanted) {
    if (!holds) {
      throw new SfumatoException(key + " must be " + wanted);
    }
  }
}
