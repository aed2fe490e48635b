/**
 * Guidance steers a sampling by losses of the predicted pictures.
 *
 * <p>A {@link dev.sfumato.guidance.Guide} is a loss, and a lambda is enough. {@link
 * dev.sfumato.guidance.ScheduledGuide} gives it a scale and a time, {@link
 * dev.sfumato.guidance.Guidance} sums guides and steers:
 *
 * <pre>{@code
 * Guide bright = (predictedX0, at) -> predictedX0.sub(1).abs().mean();
 * Guidance guidance =
 *     Guidance.of(List.of(ScheduledGuide.of("bright", bright, 40)), GradientMode.EXACT);
 * Tensor images = new Sampler(denoiser, scheduler, guidance).sample(options, random, listener);
 * }</pre>
 *
 * <p>{@link dev.sfumato.guidance.ConditionedDenoiser} is the network with classes, classifier-free
 * guidance and batch slices: guides and samplers see one function.
 */
package dev.sfumato.guidance;
