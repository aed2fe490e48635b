/**
 * Guidance: steering a sampling by losses of the pictures that it is heading for.
 *
 * <p>A {@link dev.sfumato.guidance.Guide} is a loss, and a lambda is enough:
 *
 * <pre>{@code
 * Guide bright = (predictedX0, at) -> predictedX0.sub(1).abs().mean();
 * pipeline.draw(SamplingOptions.defaults().withGuide(bright, 40));
 * }</pre>
 *
 * <p>{@link dev.sfumato.guidance.GuideSpec} reads guides from text and gives them a time. {@link
 * dev.sfumato.guidance.Guidance} adds them up and steers; with {@code withGuidance} it says where
 * the gradient starts, its limit and how often a step is taken.
 *
 * <p>{@link dev.sfumato.guidance.ConditionedDenoiser} is the network with classes, classifier-free
 * guidance and batch slices: guides and samplers see one function.
 */
package dev.sfumato.guidance;
