package dev.sfumato.checkpoint;

import dev.sfumato.scheduler.PredictionType;
import dev.sfumato.scheduler.SchedulerConfig;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The families of models in the original layout, with the settings that their files lack. */
enum OriginalKind {
  /** Stable Diffusion 1.x: the text encoder of OpenAI's CLIP ViT-L. */
  ONE("Stable Diffusion 1.x", 64, 0.18215),
  /** Stable Diffusion 2.x: open_clip's ViT-H. */
  TWO("Stable Diffusion 2.x", 64, 0.18215),
  /** Stable Diffusion XL: ViT-L and open_clip's ViT-bigG. */
  XL("Stable Diffusion XL", 128, 0.13025),
  /** The refiner of Stable Diffusion XL: ViT-bigG alone. */
  REFINER("Stable Diffusion XL refiner", 128, 0.13025);

  private final String title;
  private final int sampleSize;
  private final double scalingFactor;

  OriginalKind(String title, int sampleSize, double scalingFactor) {
    this.title = title;
    this.sampleSize = sampleSize;
    this.scalingFactor = scalingFactor;
  }

  /** Returns the family's name. */
  String title() {
    return title;
  }

  boolean isXl() {
    return this == XL || this == REFINER;
  }

  /** Returns the suffixes of the text encoders. */
  List<String> encoders() {
    return switch (this) {
      case ONE, TWO -> List.of("");
      case XL -> List.of("", "_2");
      case REFINER -> List.of("_2");
    };
  }

  /** Returns true if the encoder with {@code suffix} is one of open_clip. */
  boolean isOpenClip(String suffix) {
    return this == TWO || suffix.equals("_2");
  }

  /** Returns the start of the names of a text encoder's weights. */
  String start(String suffix) {
    return switch (this) {
      case ONE -> "cond_stage_model.transformer.";
      case TWO -> "cond_stage_model.model.";
      case XL -> suffix.isEmpty() ? "conditioner.embedders.0.transformer." : EMBEDDER_2;
      case REFINER -> "conditioner.embedders.0.model.";
    };
  }

  static final String EMBEDDER_2 = "conditioner.embedders.1.model.";

  /** Returns the height and width of the latents. */
  int sampleSize(PredictionType prediction) {
    return this == TWO && prediction == PredictionType.V_PREDICTION ? 96 : sampleSize;
  }

  /** Returns those keys of {@code vae/config.json} that shapes do not tell. */
  Map<String, Object> factors() {
    return Map.of("scaling_factor", scalingFactor, "force_upcast", isXl());
  }

  /** Returns the token that follows the end of a text. */
  String padding(String suffix) {
    return isOpenClip(suffix) ? "!" : "<|endoftext|>";
  }

  SchedulerConfig scheduler(PredictionType prediction) {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("beta_start", 0.00085);
    settings.put("beta_end", 0.012);
    settings.put("beta_schedule", "scaled_linear");
    settings.put("num_train_timesteps", 1000);
    settings.put("steps_offset", 1);
    settings.put("timestep_spacing", "leading");
    settings.put("prediction_type", prediction.toString());
    if (isXl()) {
      return new SchedulerConfig("EulerDiscreteScheduler", settings);
    }
    settings.put("set_alpha_to_one", false);
    settings.put("clip_sample", false);
    if (this == ONE) {
      settings.put("skip_prk_steps", true);
    }
    return new SchedulerConfig(this == ONE ? "PNDMScheduler" : "DDIMScheduler", settings);
  }

  /** Returns the class of the pipeline in diffusers. */
  String pipelineClass(boolean inpainting) {
    String family = isXl() ? "StableDiffusionXL" : "StableDiffusion";
    String task = inpainting ? "Inpaint" : this == REFINER ? "Img2Img" : "";
    return family + task + "Pipeline";
  }
}
