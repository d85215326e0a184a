"""The review app: a Streamlit web app to review proposals, watch executions and start workflows."""
