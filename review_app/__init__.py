"""The review app: where people read what is proposed, decide, and watch what happens. Streamlit, and nowhere else."""
