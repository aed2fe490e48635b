package dev.sfumato.springai;

import dev.sfumato.SfumatoException;
import dev.sfumato.hub.Hub;
import dev.sfumato.hub.ModelFiles;
import dev.sfumato.hub.ProgressListener;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.pipeline.LoadingOptions;
import dev.sfumato.scheduler.SchedulerKind;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Precision;
import java.nio.file.Path;
import java.util.List;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * The properties of the image model.
 *
 * @param model Text-to-image model: a directory, a .safetensors file or a Hub id.
 * @param device Device that draws: auto, cpu or cuda[:N].
 * @param precision Arithmetic: fp32, bf16 or, on a card, fp16.
 * @param n Number of pictures of a call.
 * @param width Width of the pictures in pixels.
 * @param height Height of the pictures in pixels.
 * @param seed Seed of all random numbers. Without it each call has a new one.
 * @param steps Steps of the scheduler.
 * @param scheduler Update rule, with the model's own settings.
 * @param guidanceScale Weight of classifier-free guidance, which is off up to 1.
 * @param negativePrompt Text that no picture should show.
 * @param strength Change of a picture to start from, above 0 to 1.
 * @param loras LoRAs beside the weights, each FILE|DIR|ID[:SCALE].
 */
@ConfigurationProperties(SfumatoImageProperties.PREFIX)
public record SfumatoImageProperties(
    String model,
    @DefaultValue("auto") String device,
    @DefaultValue("fp32") String precision,
    Integer n,
    Integer width,
    Integer height,
    Long seed,
    Integer steps,
    String scheduler,
    Double guidanceScale,
    String negativePrompt,
    Double strength,
    @DefaultValue List<String> loras) {
  /** The beginning of the properties' names. */
  public static final String PREFIX = "spring.ai.sfumato.image";

  /** Loads the model. */
  DiffusionPipeline load() {
    if (model == null) {
      throw new SfumatoException(
          PREFIX + ".model is missing: name the directory or the Hub id of a text-to-image model");
    }
    Precision arithmetic = Precision.parse(precision);
    DiffusionPipeline pipeline = DiffusionPipeline.load(model);
    try {
      pipeline.to(Device.parse(device));
      pipeline.precision(arithmetic);
      return pipeline;
    } catch (RuntimeException e) {
      pipeline.close();
      throw e;
    }
  }

  /** Returns the options that calls leave open. */
  SfumatoImageOptions options() {
    SfumatoImageOptions.Builder options =
        SfumatoImageOptions.builder()
            .n(n)
            .width(width)
            .height(height)
            .seed(seed)
            .steps(steps)
            .scheduler(scheduler == null ? null : SchedulerKind.parse(scheduler))
            .guidanceScale(guidanceScale)
            .negativePrompt(negativePrompt)
            .strength(strength);
    loras.forEach(
        lora -> options.lora(LoadingOptions.Lora.parse(lora, SfumatoImageProperties::located)));
    return options.build();
  }

  private static Path located(String lora) {
    return Hub.fromEnvironment().locate(lora, ModelFiles::lora, ProgressListener.NONE);
  }
}
