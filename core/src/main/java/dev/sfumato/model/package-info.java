/**
 * The networks of diffusion models, first of all the U-Net of Ho et al., "Denoising Diffusion
 * Probabilistic Models" (2020), <a href="https://arxiv.org/abs/2006.11239">arXiv:2006.11239</a>, in
 * all variants that diffusers' {@code UNet2DModel} knows.
 *
 * <p>{@link dev.sfumato.model.UNet2DConfig} mirrors {@code unet/config.json}, {@link
 * dev.sfumato.model.UNet2DModel} is the network; its parameters are named as in diffusers' files.
 * Three families of blocks differ in what they add to residual layers and attention:
 *
 * <ul>
 *   <li>plain blocks (Ho et al.), with convolutions or residual blocks that halve and double;
 *   <li>skip blocks of Song et al., "Score-Based Generative Modeling through Stochastic
 *       Differential Equations" (2021), <a
 *       href="https://arxiv.org/abs/2011.13456">arXiv:2011.13456</a>: a copy of the picture,
 *       resampled with a smooth filter, joins at each level;
 *   <li>K blocks of Karras et al., "Elucidating the Design Space of Diffusion-Based Generative
 *       Models" (2022), <a href="https://arxiv.org/abs/2206.00364">arXiv:2206.00364</a>, as in
 *       Crowson's k-diffusion: adaptive group normalisation.
 * </ul>
 */
package dev.sfumato.model;
