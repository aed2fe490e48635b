package dev.sfumato.pipeline;

/** The kinds of Stable Diffusion, with the defaults of diffusers' pipelines. */
enum StableDiffusionKind {
  /** Stable Diffusion 1 and 2. */
  ONE_ENCODER(7.5, 0.8, 1),
  /** Stable Diffusion XL. */
  XL(5, 0.3, 0.9999);

  /** The scale of a latent consistency model, whose U-Net reads it. */
  static final double DISTILLED_SCALE = 8.5;

  private static final double COMPLETING_SCALE = 7.5;

  private final double guidanceScale;
  private final double strength;
  private final double completingStrength;

  StableDiffusionKind(double guidanceScale, double strength, double completingStrength) {
    this.guidanceScale = guidanceScale;
    this.strength = strength;
    this.completingStrength = completingStrength;
  }

  /** Returns the scale of classifier-free guidance, for completing a picture or otherwise. */
  double guidanceScale(boolean completing) {
    return completing ? COMPLETING_SCALE : guidanceScale;
  }

  /** Returns the strength of a start from a picture that is completed or changed. */
  double strength(boolean completing) {
    return completing ? completingStrength : strength;
  }
}
