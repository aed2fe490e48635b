package dev.sfumato.run;

import dev.sfumato.chart.LossChart;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.model.LatentDenoiser;
import dev.sfumato.model.UNet2DConditionConfig;
import dev.sfumato.model.UNet2DConfig;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.pipeline.PixelPipeline;
import dev.sfumato.pipeline.StableDiffusionPipeline;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.Engine;
import dev.sfumato.tensor.Tensor;
import dev.sfumato.training.StepReport;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The facts of a run in words, for its report and its model card.
 *
 * @param output the folder of the run's files
 * @param learner the model, and what of it learns
 * @param dataset name, number and size of the pictures
 * @param options every option by name
 * @param history the losses
 * @param totalSteps optimiser steps of the whole run
 * @param processes the number of processes that train together
 */
record RunFacts(
    OutputDirectory output,
    Learner learner,
    String dataset,
    Map<String, Object> options,
    LossHistory history,
    long totalSteps,
    int processes) {
  private static final Path MEMORY = Path.of("/proc/self/status");
  private static final Path PROCESSORS = Path.of("/proc/cpuinfo");

  /** Returns the model. */
  DiffusionPipeline pipeline() {
    return learner.pipeline();
  }

  /** Returns the run's name, that of its directory. */
  String name() {
    return output.resolve("").toAbsolutePath().normalize().getFileName().toString();
  }

  /** Returns every option by name, in words. */
  Map<String, String> settings() {
    Map<String, String> words = new LinkedHashMap<>();
    options.forEach(
        (name, value) ->
            words.put(
                name,
                value instanceof Collection<?> values
                    ? values.stream().map(String::valueOf).collect(Collectors.joining(","))
                    : value instanceof Double number ? number(number) : String.valueOf(value)));
    return words;
  }

  /** Returns the name of the result's licence, if it is stated. */
  Optional<String> license() {
    return Optional.ofNullable(settings().get("license"));
  }

  /** Returns the rate of the last step in words. */
  private String found() {
    String end =
        history.steps().isEmpty()
            ? ""
            : number(rounded(history.steps().get(history.steps().size() - 1).learningRate()))
                + " at the end, ";
    String multiple = settings().get("learning_rate");
    return end + "found by prodigy" + (multiple.equals("1") ? "" : " times " + multiple);
  }

  /** Returns a number of three digits. */
  private static double rounded(double value) {
    return new BigDecimal(value).round(new MathContext(3)).doubleValue();
  }

  /** Returns the settings that others want to know first, then {@link #results}. */
  Map<String, String> training() {
    Map<String, String> all = settings();
    Map<String, String> facts = new LinkedHashMap<>();
    String ofSteps = all.get("optimizer").equals("prodigy") ? found() : all.get("learning_rate");
    facts.put("learning rate", ofSteps + ", " + all.get("lr_scheduler"));
    Optional.ofNullable(all.get("text_encoder_learning_rate"))
        .ifPresent(rate -> facts.put("learning rate of the text encoder", rate));
    facts.put(
        "batch",
        all.get("batch_size")
            + (processes == 1 ? "" : " in each of " + processes + " processes")
            + ", accumulated: "
            + all.get("gradient_accumulation_steps"));
    facts.put("moving average", all.get("use_ema").equals("true") ? "yes" : "no");
    if (options.get("class_prompt") instanceof Collection<?> texts) {
      facts.put(
          "class pictures", texts.stream().map(String::valueOf).collect(Collectors.joining(", ")));
    }
    facts.put("steps", number(history.steps().size()));
    facts.put("seed", all.get("seed"));
    facts.putAll(results());
    return facts;
  }

  /** Returns the progress and the losses of the run. */
  Map<String, String> results() {
    Map<String, String> facts = new LinkedHashMap<>();
    List<StepReport> steps = history.steps();
    if (!steps.isEmpty()) {
      facts.put(
          steps.size() < LossChart.WINDOW
              ? "mean loss of all steps"
              : "mean loss of the last " + LossChart.WINDOW + " steps",
          loss(history.recent()));
    }
    if (!history.validation().isEmpty()) {
      double loss = history.validation().get(history.validation().size() - 1).loss();
      facts.put("validation loss", loss(loss));
    }
    if (!steps.isEmpty()) {
      StepReport last = steps.get(steps.size() - 1);
      facts.put("epochs", number(history.epochs().size()));
      facts.put("pictures seen", number(last.images()));
    }
    return facts;
  }

  /** Returns time and memory. */
  Map<String, String> cost() {
    Map<String, String> facts = new LinkedHashMap<>();
    List<StepReport> steps = history.steps();
    if (!steps.isEmpty()) {
      double seconds = steps.stream().mapToDouble(StepReport::seconds).sum();
      long images = steps.get(steps.size() - 1).images();
      facts.put("time of all steps", duration(seconds));
      facts.put("time per step", String.format(Locale.ROOT, "%.3f s", seconds / steps.size()));
      facts.put("pictures per second", String.format(Locale.ROOT, "%,.1f", images / seconds));
    }
    value(MEMORY, "VmHWM:")
        .map(peak -> Long.parseLong(peak.replaceAll("\\D", "")) / 1024)
        .ifPresent(mebibytes -> facts.put("peak of resident memory", number(mebibytes) + " MiB"));
    return facts;
  }

  /** Returns the machine and the versions. */
  Map<String, String> machine() {
    Map<String, String> facts = new LinkedHashMap<>();
    facts.put("device", pipeline().denoiser().device().toString());
    facts.put("processor", value(PROCESSORS, "model name").orElse(System.getProperty("os.arch")));
    facts.put("cores", number(Runtime.getRuntime().availableProcessors()));
    facts.put("threads", number(Engine.threads()));
    facts.put("system", System.getProperty("os.name") + " " + System.getProperty("os.version"));
    facts.put("Java", Runtime.version().toString());
    facts.put("engine", "libtorch " + Engine.version());
    return facts;
  }

  /** Returns the properties of the model. */
  Map<String, String> model() {
    SchedulerConfig noise = pipeline().scheduler();
    ClassConditioning classes = classes();
    Map<String, String> facts = new LinkedHashMap<>();
    long parameters =
        pipeline().network().parameters().values().stream().mapToLong(Tensor::numel).sum();
    facts.put("parameters", number(parameters));
    facts.putAll(learner.facts());
    if (pipeline().denoiser() instanceof LatentDenoiser latents) {
      UNet2DConditionConfig unet = latents.unet().config();
      facts.put("network", network("UNet2DConditionModel", unet.blockOutChannels(), unet.toJson()));
      facts.put("blocks down", String.join(", ", unet.downBlockTypes()));
    } else {
      UNet2DConfig unet = ((PixelPipeline) pipeline()).denoiser().config();
      facts.put("network", network("UNet2DModel", unet.blockOutChannels(), unet.toJson()));
      facts.put("blocks down", String.join(", ", unet.downBlockTypes()));
    }
    facts.put(
        "classes",
        classes.numClasses() == 0
            ? "none"
            : String.format(
                Locale.ROOT,
                "%d, as %s: %s",
                classes.numClasses(),
                classes.type(),
                String.join(", ", classes.classNames())));
    facts.put(
        "noise",
        noise.betaSchedule()
            + ", "
            + noise.numTrainTimesteps()
            + " timesteps, predicts "
            + noise.predictionType());
    facts.put("data", dataset);
    facts.put(
        "licence",
        license().orElse("not stated: choose one that the data and the base model allow"));
    return facts;
  }

  private static String network(String name, List<Integer> channels, Map<String, Object> json) {
    return name
        + ", channels "
        + String.join(", ", channels.stream().map(String::valueOf).toList())
        + ", layers per level: "
        + json.get("layers_per_block");
  }

  /** Returns the classes of the model; a text-to-image model has none. */
  ClassConditioning classes() {
    return ModelOptions.classesOf(pipeline());
  }

  /** Returns whether the model is of the kind of Stable Diffusion XL. */
  boolean isXl() {
    return pipeline().denoiser() instanceof LatentDenoiser latents
        && latents.unet().config().additionEmbedType().isPresent();
  }

  /**
   * Returns whether the model is an inpainting model, whose pipeline needs a picture and a mask.
   */
  boolean readsMasks() {
    return pipeline().denoiser() instanceof LatentDenoiser latents && latents.readsMasks();
  }

  /** Returns whether the model draws texts. */
  boolean drawsTexts() {
    return pipeline() instanceof StableDiffusionPipeline;
  }

  private static Optional<String> value(Path file, String name) {
    try (Stream<String> lines = Files.lines(file)) {
      return lines
          .filter(line -> line.startsWith(name))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst();
    } catch (IOException e) {
      return Optional.empty(); // not Linux
    }
  }

  static String loss(double loss) {
    return String.format(Locale.ROOT, "%.5f", loss);
  }

  static String number(long count) {
    return String.format(Locale.ROOT, "%,d", count);
  }

  /** Returns a setting as one types it: 1e-5, 0.9, 8. */
  static String number(double value) {
    if (value != 0 && Math.abs(value) < 1e-3) {
      BigDecimal exact = new BigDecimal(String.valueOf(value)).stripTrailingZeros();
      int exponent = exact.precision() - exact.scale() - 1;
      return exact.movePointLeft(exponent).toPlainString() + "e" + exponent;
    }
    return String.valueOf(value).replaceFirst("\\.0$", "");
  }

  static String numbers(Collection<? extends Number> values) {
    return values.stream().map(v -> number(v.doubleValue())).collect(Collectors.joining(", "));
  }

  static String duration(double seconds) {
    long whole = Math.round(seconds);
    return whole < 60
        ? String.format(Locale.ROOT, "%.1f s", seconds)
        : whole < 3600
            ? String.format(Locale.ROOT, "%d min %d s", whole / 60, whole % 60)
            : String.format(Locale.ROOT, "%d h %d min", whole / 3600, whole % 3600 / 60);
  }
}
