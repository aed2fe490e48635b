package dev.sfumato.pipeline;

import dev.sfumato.SfumatoException;
import dev.sfumato.guidance.Conditioning;
import dev.sfumato.model.Condition;
import dev.sfumato.model.UNet2DConditionConfig;
import dev.sfumato.model.UNet2DConditionModel;
import dev.sfumato.picture.Size;
import dev.sfumato.sampling.MicroConditioning;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.List;

/**
 * The conditions of a Stable Diffusion: its texts and, if the U-Net reads them, the size of the
 * picture and the scale of a distilled guidance.
 *
 * @param unet the network that reads them
 * @param prompts the text encoders
 */
record TextConditions(UNet2DConditionModel unet, PromptEncoder prompts) {
  private static final float WELL_MADE = 6;
  private static final float BADLY_MADE = 2.5f;

  /** Requires options for a model that draws texts. */
  static void require(SamplingOptions options) {
    if (!options.classes().isEmpty()) {
      throw new SfumatoException(
          "the model draws texts: classes need a class-conditioned model, here give a prompt");
    }
    if (options.classifierFree().isOn()) {
      throw new SfumatoException(
          "the model draws texts: class guidance needs a class-conditioned model, here set the guidance scale");
    }
    if (options.text().prompts().isEmpty()) {
      throw new SfumatoException("the model draws texts: give a prompt");
    }
  }

  /** Returns the conditions of completed options, in the current scope. */
  Conditioning of(SamplingOptions options) {
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off()) {
      boolean distilled = unet.config().timeCondProjDim().isPresent();
      Conditioning texts = prompts.conditioning(options.text(), options.count(), !distilled);
      Conditioning whole =
          new Conditioning(
              told(texts.given(), options, false),
              texts.missing().map(missing -> told(missing, options, true)),
              texts.guidance());
      whole.given().keep(scope);
      whole.missing().ifPresent(missing -> missing.keep(scope));
      return whole;
    }
  }

  /** Adds what goes with the texts, and results that each step would repeat. */
  private Condition told(Condition texts, SamplingOptions options, boolean negative) {
    UNet2DConditionConfig config = unet.config();
    Device device = unet.device();
    Condition condition = texts;
    if (config.additionEmbedType().isEmpty()
        && !options.text().sizes().equals(MicroConditioning.NONE)) {
      throw new SfumatoException(
          "the model is not told sizes: an original size, a target size and a crop are for Stable"
              + " Diffusion XL");
    }
    if (config.additionEmbedType().isPresent()) {
      condition = condition.withSizes(sizes(texts, options, negative).to(device));
    }
    if (config.timeCondProjDim().isPresent()) {
      double scale = options.text().guidanceScale().orElseThrow();
      condition =
          condition.withGuidance(
              GuidanceEmbedding.of(scale, config.timeCondProjDim().get()).to(device));
    }
    return unet.prepare(condition);
  }

  /** Returns size, crop and target size; the refiner has an aesthetic score instead of the last. */
  private Tensor sizes(Condition texts, SamplingOptions options, boolean negative) {
    UNet2DConditionConfig config = unet.config();
    MicroConditioning told = options.text().sizes();
    Size drawn = new Size(options.height().getAsInt(), options.width().getAsInt());
    Size original = told.originalSize().orElse(drawn);
    Size target = told.targetSize().orElse(drawn);
    long numbers =
        (config.projectionClassEmbeddingsInputDim().orElseThrow()
                - texts.vector().orElseThrow().size(1))
            / config.additionTimeEmbedDim().orElseThrow();
    boolean scored = numbers == 5;
    float[] end =
        scored
            ? new float[] {negative ? BADLY_MADE : WELL_MADE}
            : new float[] {target.height(), target.width()};
    boolean whole = scored && negative; // as in diffusers
    float[] start = {
      original.height(), original.width(), whole ? 0 : told.cropTop(), whole ? 0 : told.cropLeft()
    };
    return Tensor.cat(List.of(Tensor.of(start, 1, start.length), Tensor.of(end, 1, end.length)), 1);
  }
}
