package dev.sfumato.springai;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.SfumatoException;
import dev.sfumato.guidance.GuideSpec;
import dev.sfumato.pipeline.LoadingOptions;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.scheduler.SchedulerKind;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.springframework.ai.image.ImageOptions;
import org.springframework.ai.model.ModelOptionsUtils;

/**
 * The options of a drawing: the portable ones and Sfumato's own. What is null is left to the
 * defaults of the image model, and then to the diffusion model. Make them with {@link #builder}.
 *
 * @param n the number of pictures, all drawn with one seed
 * @param width of the pictures in pixels
 * @param height of the pictures in pixels
 * @param seed of all random numbers; if null, each call has a new one
 * @param steps of the scheduler
 * @param scheduler the update rule, with the model's own settings
 * @param guidanceScale the weight of classifier-free guidance, which is off up to 1
 * @param negativePrompt a text that no picture should show
 * @param strength the change of a picture to start from, above 0 to 1, which leaves little of it
 * @param loras beside the model's weights; empty to take the defaults'
 * @param guides that steer; empty to take the defaults'
 */
public record SfumatoImageOptions(
    Integer n,
    Integer width,
    Integer height,
    Long seed,
    Integer steps,
    SchedulerKind scheduler,
    Double guidanceScale,
    String negativePrompt,
    Double strength,
    List<LoadingOptions.Lora> loras,
    List<GuideSpec> guides)
    implements ImageOptions {
  private static final String B64_JSON = "b64_json";

  /**
   * Copies the lists.
   *
   * @throws SfumatoException if a number is out of range
   */
  public SfumatoImageOptions {
    loras = List.copyOf(loras);
    guides = List.copyOf(guides);
  }

  /** Returns a builder without any option. */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Takes what another image model's options say.
   *
   * @throws InvalidOptionException naming a portable option that Sfumato cannot follow
   */
  static SfumatoImageOptions of(ImageOptions options) {
    if (options instanceof SfumatoImageOptions own) {
      return own;
    }
    if (options == null) {
      return builder().build();
    }
    if (options.getModel() != null) {
      throw new InvalidOptionException(
          "`model` " + options.getModel() + ": an image model draws with the one it has loaded");
    }
    if (options.getStyle() != null) {
      throw new InvalidOptionException(
          "`style` " + options.getStyle() + ": say the style in the prompt, or use a LoRA");
    }
    if (options.getResponseFormat() != null && !options.getResponseFormat().equals(B64_JSON)) {
      throw new InvalidOptionException(
          "`responseFormat` " + options.getResponseFormat() + ": pictures come as " + B64_JSON);
    }
    return builder()
        .n(options.getN())
        .width(options.getWidth())
        .height(options.getHeight())
        .build();
  }

  /** Returns these options; those that are null are taken from {@code defaults}. */
  SfumatoImageOptions over(SfumatoImageOptions defaults) {
    return new SfumatoImageOptions(
        ModelOptionsUtils.mergeOption(n, defaults.n),
        ModelOptionsUtils.mergeOption(width, defaults.width),
        ModelOptionsUtils.mergeOption(height, defaults.height),
        ModelOptionsUtils.mergeOption(seed, defaults.seed),
        ModelOptionsUtils.mergeOption(steps, defaults.steps),
        ModelOptionsUtils.mergeOption(scheduler, defaults.scheduler),
        ModelOptionsUtils.mergeOption(guidanceScale, defaults.guidanceScale),
        ModelOptionsUtils.mergeOption(negativePrompt, defaults.negativePrompt),
        ModelOptionsUtils.mergeOption(strength, defaults.strength),
        loras.isEmpty() ? defaults.loras : loras,
        guides.isEmpty() ? defaults.guides : guides);
  }

  /** Returns the options of a sampling without texts and pictures. */
  SamplingOptions sampling() {
    SamplingOptions options = SamplingOptions.defaults();
    options = n == null ? options : options.withCount(n);
    options = width == null ? options : options.withWidth(width);
    options = height == null ? options : options.withHeight(height);
    options = seed == null ? options.withNewSeed() : options.withSeed(seed);
    options = steps == null ? options : options.withSteps(steps);
    options = scheduler == null ? options : options.withScheduler(scheduler);
    for (GuideSpec guide : guides) {
      options = options.withGuide(guide);
    }
    return options;
  }

  @Override
  public Integer getN() {
    return n;
  }

  @Override
  public Integer getWidth() {
    return width;
  }

  @Override
  public Integer getHeight() {
    return height;
  }

  /** Returns null: an image model draws with the diffusion model it has loaded. */
  @Override
  public String getModel() {
    return null;
  }

  /** Returns {@code b64_json}. */
  @Override
  public String getResponseFormat() {
    return B64_JSON;
  }

  /** Returns null: styles are said in the prompt. */
  @Override
  public String getStyle() {
    return null;
  }

  /** Collects options; null leaves one open. */
  public static final class Builder {
    private Integer n;
    private Integer width;
    private Integer height;
    private Long seed;
    private Integer steps;
    private SchedulerKind scheduler;
    private Double guidanceScale;
    private String negativePrompt;
    private Double strength;
    private final List<LoadingOptions.Lora> loras = new ArrayList<>();
    private final List<GuideSpec> guides = new ArrayList<>();

    private Builder() {}

    /** Sets the number of pictures. */
    public Builder n(Integer n) {
      this.n = n;
      return this;
    }

    /** Sets the width in pixels. */
    public Builder width(Integer width) {
      this.width = width;
      return this;
    }

    /** Sets the height in pixels. */
    public Builder height(Integer height) {
      this.height = height;
      return this;
    }

    /** Sets the seed of all random numbers. */
    public Builder seed(Long seed) {
      this.seed = seed;
      return this;
    }

    /** Sets the steps of the scheduler. */
    public Builder steps(Integer steps) {
      this.steps = steps;
      return this;
    }

    /** Sets the update rule. */
    public Builder scheduler(SchedulerKind scheduler) {
      this.scheduler = scheduler;
      return this;
    }

    /** Sets the weight of classifier-free guidance. */
    public Builder guidanceScale(Double scale) {
      this.guidanceScale = scale;
      return this;
    }

    /** Sets a text that no picture should show. */
    public Builder negativePrompt(String negative) {
      this.negativePrompt = negative;
      return this;
    }

    /** Sets the change of a picture to start from. */
    public Builder strength(Double strength) {
      this.strength = strength;
      return this;
    }

    /** Adds a LoRA, a file or a directory, with the factor of its changes. */
    public Builder lora(Path path, double scale) {
      return lora(new LoadingOptions.Lora(path, scale));
    }

    Builder lora(LoadingOptions.Lora lora) {
      loras.add(lora);
      return this;
    }

    /** Adds a guide. */
    public Builder guide(GuideSpec guide) {
      guides.add(guide);
      return this;
    }

    /** Returns the options. */
    public SfumatoImageOptions build() {
      return new SfumatoImageOptions(
          n,
          width,
          height,
          seed,
          steps,
          scheduler,
          guidanceScale,
          negativePrompt,
          strength,
          loras,
          guides);
    }
  }
}
