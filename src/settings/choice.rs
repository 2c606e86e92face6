//! Values from a closed set of words.

/// An enum whose variants have one spelling each.
pub(super) trait Choice: Copy + PartialEq + 'static {
    const ALL: &'static [Self];

    fn as_str(self) -> &'static str;
}

/// Declares an enum and its spellings in one place.
macro_rules! choice {
    ($(#[$doc:meta])* $vis:vis enum $type:ident {
        $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        $vis enum $type {
            $($(#[$variant_doc])* #[doc = concat!("\n\nWritten `", $word, "`.")] $variant,)+
        }

        impl $type {
            /// As it is written in the configuration.
            #[must_use]
            $vis const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::settings::choice::Choice for $type {
            const ALL: &'static [Self] = &[$(Self::$variant,)+];

            fn as_str(self) -> &'static str {
                self.as_str()
            }
        }
    };
}

pub(super) use choice;
